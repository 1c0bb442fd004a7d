"""Chroma's Python client with its default embedder, for recall_scale.py, which runs this in an environment that has both:

    python benchmarks/chroma_default.py FOLDER_OF_LOTUS'S_MODELS <TEXTS

TEXTS is a JSON list. Prints how many seconds it took to add them to a new collection. Where Chroma's weights can't be
downloaded, LOTUS's own are put into the shape that Chroma's code loads.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import onnx
from chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2 import ONNXMiniLM_L6_V2
from onnx import TensorProto, external_data_helper, helper, numpy_helper

_REACHABLE_S = 5.0


def main() -> None:
    """Add and print."""
    (models,) = sys.argv[1:]
    texts = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        client = chromadb.PersistentClient(path=f"{folder}/chroma")
        if not (ONNXMiniLM_L6_V2.DOWNLOAD_PATH / "onnx" / "model.onnx").exists() and not _can_download():
            ONNXMiniLM_L6_V2.DOWNLOAD_PATH = offline_model(Path(models), Path(folder))
        collection = client.create_collection("default-embedder", embedding_function=ONNXMiniLM_L6_V2())  # type: ignore[arg-type]
        collection.add(ids=["warm"], documents=["warm up"])
        started = time.perf_counter()
        collection.add(ids=[str(number) for number in range(len(texts))], documents=texts)
        print(time.perf_counter() - started)


def _can_download() -> bool:
    asked = urllib.request.Request(ONNXMiniLM_L6_V2.MODEL_DOWNLOAD_URL, method="HEAD")
    try:
        with urllib.request.urlopen(asked, timeout=_REACHABLE_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def offline_model(models: Path, folder: Path) -> Path:
    """LOTUS's graph in the shape that Chroma's code loads: 32-bit weights, int64 inputs, hidden states first."""
    source = next(models.glob("all-minilm-l6-v2-*"))
    model: Any = onnx.load(str(source / "model.onnx"))
    graph = model.graph
    widen(graph)
    external_data_helper.convert_model_from_external_data(model)
    inputs = {value.name: value for value in graph.input}
    casts = []
    for name, value in inputs.items():
        for node in graph.node:
            node.input[:] = [f"{name}_32" if one == name else one for one in node.input]
        casts.append(helper.make_node("Cast", [name], [f"{name}_32"], to=TensorProto.INT32))
        value.type.tensor_type.elem_type = TensorProto.INT64
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info("token_type_ids", TensorProto.INT64, ["batch", "tokens"]))
    outputs = list(graph.output)
    del graph.output[:]
    graph.output.extend(reversed(outputs))
    target = folder / "onnx"
    target.mkdir()
    onnx.save(model, str(target / "model.onnx"))
    shutil.copy(source / "tokenizer.json", target / "tokenizer.json")
    for name in ("config.json", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt"):
        (target / name).touch()
    return folder


def widen(graph: Any) -> None:
    """8-bit products become products of 32-bit matrices, as in the model that Chroma publishes."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in list(graph.node):
        if node.op_type == "MatMulNBits":
            levels, scales = (numpy_helper.to_array(constants[name]) for name in node.input[1:3])
            matrix = ((levels.astype(np.float32) - 128) * scales[:, :, None]).reshape(len(levels), -1).T
            for name in node.input[1:3]:
                graph.initializer.remove(constants[name])
            graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(matrix), node.input[1]))
            node.CopyFrom(helper.make_node("MatMul", node.input[:2], node.output))


if __name__ == "__main__":
    main()
