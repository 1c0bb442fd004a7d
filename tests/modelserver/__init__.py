"""A model server that follows a script and speaks the vendors' real wire formats, faults included."""

from tests.modelserver.handle import ModelServerHandle, model_server_process, model_server_thread

__all__ = ["ModelServerHandle", "model_server_process", "model_server_thread"]
