"""all-MiniLM-L6-v2 as an ONNX graph, built from its safetensors weights.

The graph is BERT with 6 layers, width 384 and 12 heads (the published config.json), written with onnxruntime's fused
operators (EmbedLayerNormalization, MultiHeadAttention, SkipLayerNormalization, BiasGelu), mean pooling over the mask and L2
normalisation inside. Weights lie beside it, page-aligned, so that the runtime maps them instead of copying them.

The matrices are kept in 8 bits with a scale for every 64 inputs (MatMulNBits, which multiplies in 8 bits where the processor
can and in floats elsewhere): reading them is what embedding one question waits for. Against 32-bit weights a vector keeps a
cosine above 0.999.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from lotus_tasks.errors import Permanent
from lotus_tasks.memory.adapters.onnx_format import (
    ElementType,
    encode_external,
    encode_graph,
    encode_model,
    encode_node,
    encode_numbers,
    encode_value,
)

WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
GRAPH_VERSION: Final = "3"
"""Part of the folder's name: a new layout is built beside the old one, which is then removed."""

_LAYERS: Final = 6
_HEADS: Final = 12
_EPSILON: Final = 1e-12
_PAGE: Final = 4096
_BLOCK: Final = 64
"""Weights that share a scale. 32 gains 0.0002 of cosine and costs a tenth of the speed."""
_ACCURACY_INT8: Final = 4
"""MatMulNBits' accuracy_level: inputs may be rounded to 8 bits for the multiplication."""
_OPERATORS: Final = 17
_IR_VERSION: Final = 8
_DATA: Final = "model.data"
_NAME: Final = "all-minilm-l6-v2-"
_FUSED: Final = "com.microsoft"


def ensure_graph(weights: Path, tokenizer: Path, models: Path) -> Path:
    """The folder under ``models`` with ``model.onnx``, ``model.data`` and ``tokenizer.json``, built when missing.

    It appears by one rename, so a crash leaves either nothing or all of it, and two builders agree. Raises Permanent when
    the weights are not the published ones.
    """
    folder = models / f"{_NAME}{GRAPH_VERSION}"
    if (folder / "model.onnx").exists():
        return folder
    _refuse_wrong_weights(weights)
    models.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".minilm-", dir=models))
    try:
        shutil.copyfile(tokenizer, building / "tokenizer.json")
        _GraphWriter(weights, building).write()
        try:
            building.rename(folder)
        except OSError:
            if not (folder / "model.onnx").exists():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    for number in range(int(GRAPH_VERSION)):
        shutil.rmtree(models / f"{_NAME}{number}", ignore_errors=True)
    return folder


def _refuse_wrong_weights(weights: Path) -> None:
    digest = hashlib.sha256()
    with weights.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != WEIGHTS_SHA256:
        raise Permanent(
            f"{weights} is not the published all-MiniLM-L6-v2 "
            f"(sha256 {digest.hexdigest()[:12]}…, expected {WEIGHTS_SHA256[:12]}…); "
            "install the packages again"
        )


class _GraphWriter:
    """Writes the graph's nodes to ``model.onnx`` and its weights to ``model.data``."""

    def __init__(self, weights: Path, folder: Path) -> None:
        from safetensors.numpy import load_file

        self._tensors: dict[str, Any] = load_file(str(weights))
        self._folder = folder
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def write(self) -> None:
        """Write both files; the data is on disk before the graph names it."""
        with (self._folder / _DATA).open("wb") as self._data:
            hidden = self._embeddings()
            for layer in range(_LAYERS):
                hidden = self._layer(layer, hidden)
            self._pooling(hidden)
            self._data.flush()
            os.fsync(self._data.fileno())
        graph = encode_graph(
            "all-minilm-l6-v2",
            nodes=self._nodes,
            constants=self._constants,
            inputs=[
                encode_value(name, ElementType.INT32, ["batch", "tokens"]) for name in ("input_ids", "attention_mask")
            ],
            outputs=[
                encode_value("embedding", ElementType.FLOAT, ["batch", 384]),
                encode_value(hidden, ElementType.FLOAT, ["batch", "tokens", 384]),
            ],
        )
        model = encode_model(graph, ir_version=_IR_VERSION, opsets={"": _OPERATORS, _FUSED: 1})
        with (self._folder / "model.onnx").open("wb") as file:
            file.write(model)
            file.flush()
            os.fsync(file.fileno())

    def _embeddings(self) -> str:
        name = "embeddings."
        # Every text is one segment: its type vector is added to the positions once, here.
        positions = (
            self._tensors[f"{name}position_embeddings.weight"] + self._tensors[f"{name}token_type_embeddings.weight"][0]
        )
        inputs = [
            "input_ids",
            "",
            self._weight("words", self._tensors[f"{name}word_embeddings.weight"]),
            self._weight("positions", positions),
            "",
            self._weight("embed_gamma", self._tensors[f"{name}LayerNorm.weight"]),
            self._weight("embed_beta", self._tensors[f"{name}LayerNorm.bias"]),
            "attention_mask",
        ]
        return self._fused("EmbedLayerNormalization", inputs, ["hidden", "mask_index"], epsilon=_EPSILON)

    def _layer(self, layer: int, hidden: str) -> str:
        at = f"encoder.layer.{layer}."
        attention = f"{at}attention."
        parts = ("query", "key", "value")
        matrices = np.concatenate([self._tensors[f"{attention}self.{part}.weight"] for part in parts])
        biases = np.concatenate([self._tensors[f"{attention}self.{part}.bias"] for part in parts])
        joined = self._times(f"{layer}.qkv", hidden, matrices)
        split = [f"{layer}.{part}" for part in parts]
        self._nodes.append(encode_node("Split", [joined], split, {"axis": -1}))
        mixed = self._fused(
            "MultiHeadAttention",
            [*split, self._weight(f"{layer}.qkv_bias", biases), "attention_mask"],
            [f"{layer}.attention"],
            num_heads=_HEADS,
        )
        attended = self._dense_norm(f"{layer}.attended", mixed, hidden, f"{attention}output.")
        inner = self._times(f"{layer}.inner", attended, self._tensors[f"{at}intermediate.dense.weight"])
        bias = self._weight(f"{layer}.inner_bias", self._tensors[f"{at}intermediate.dense.bias"])
        active = self._fused("BiasGelu", [inner, bias], [f"{layer}.gelu"])
        return self._dense_norm(f"{layer}.out", active, attended, f"{at}output.")

    def _dense_norm(self, name: str, value: str, skip: str, at: str) -> str:
        product = self._times(f"{name}.dense", value, self._tensors[f"{at}dense.weight"])
        inputs = [
            product,
            skip,
            self._weight(f"{name}.gamma", self._tensors[f"{at}LayerNorm.weight"]),
            self._weight(f"{name}.beta", self._tensors[f"{at}LayerNorm.bias"]),
            self._weight(f"{name}.bias", self._tensors[f"{at}dense.bias"]),
        ]
        return self._fused("SkipLayerNormalization", inputs, [name], epsilon=_EPSILON)

    def _pooling(self, hidden: str) -> None:
        self._constants += [encode_numbers("last", [2]), encode_numbers("tokens", [1])]
        self._node("Cast", ["attention_mask"], "mask", to=int(ElementType.FLOAT))
        self._node("Unsqueeze", ["mask", "last"], "mask_column")
        self._node("Mul", [hidden, "mask_column"], "kept")
        # The mean's divisor falls out of the normalisation that follows.
        self._node("ReduceSum", ["kept", "tokens"], "sum", keepdims=0)
        self._node("LpNormalization", ["sum"], "embedding", axis=1, p=2)

    def _times(self, name: str, value: str, matrix: Any) -> str:
        """``value`` times the transpose of ``matrix`` (outputs, inputs)."""
        outputs, inputs = matrix.shape
        blocks = matrix.reshape(outputs, inputs // _BLOCK, _BLOCK).astype(np.float32)
        scales = np.abs(blocks).max(axis=2) / 127
        levels = np.rint(blocks / scales[:, :, None]) + 128
        return self._fused(
            "MatMulNBits",
            [
                value,
                self._weight(f"{name}.levels", levels, ElementType.UINT8),
                self._weight(f"{name}.scales", scales),
            ],
            [name],
            K=inputs,
            N=outputs,
            bits=8,
            block_size=_BLOCK,
            accuracy_level=_ACCURACY_INT8,
        )

    def _node(self, operator: str, inputs: list[str], output: str, **attributes: float) -> str:
        self._nodes.append(encode_node(operator, inputs, [output], attributes))
        return output

    def _fused(self, operator: str, inputs: list[str], outputs: list[str], **attributes: float) -> str:
        self._nodes.append(encode_node(operator, inputs, outputs, attributes, domain=_FUSED))
        return outputs[0]

    def _weight(self, name: str, array: Any, kind: ElementType = ElementType.FLOAT) -> str:
        """Append ``array`` to the data file at the next page and declare it as an external constant."""
        array = np.ascontiguousarray(array, dtype="u1" if kind is ElementType.UINT8 else "<f4")
        self._data.write(b"\0" * (-self._data.tell() % _PAGE))
        self._constants.append(
            encode_external(name, kind, array.shape, file=_DATA, offset=self._data.tell(), length=array.nbytes)
        )
        self._data.write(array.tobytes())
        return name
