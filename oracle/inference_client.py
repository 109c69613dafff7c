"""Asks a server of the Open Inference Protocol by Triton's own client, and fails where an answer is not what it should be.

    python3 oracle/inference_client.py HOST:PORT < questions.json

The questions are a list of {"model", "datatype", "shape", "data", "want"}: the model gives want, in the shape of its one output. The
test TestTritonClient of package serve/inference runs it. Needs tritonclient[http] and numpy.
"""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, triton_to_np_dtype


def ask(client, q, binary_in, binary_out):
    """The output of one question, in one of the forms."""
    tensor = triton.InferInput("x", q["shape"], q["datatype"])
    values = np.array(q["data"], dtype=triton_to_np_dtype(q["datatype"])).reshape(q["shape"])
    tensor.set_data_from_numpy(values, binary_data=binary_in)
    name = client.get_model_metadata(q["model"])["outputs"][0]["name"]
    outputs = None if binary_out is None else [triton.InferRequestedOutput(name, binary_data=binary_out)]
    answer = client.infer(q["model"], [tensor], outputs=outputs, request_id="q-1")
    assert answer.get_response()["id"] == "q-1", answer.get_response()
    return answer.as_numpy(name)


def refused(status, words, call, *args, **named):
    """Checks that a call is refused with a status and words."""
    try:
        call(*args, **named)
    except InferenceServerException as e:
        assert e.status() == str(status) and words in e.message(), (e.status(), e.message())
        return
    raise AssertionError("it was not refused: " + words)


def main():
    client = triton.InferenceServerClient(sys.argv[1])
    assert client.is_server_live() and client.is_server_ready()
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    asked = 0
    for q in json.load(sys.stdin):
        assert client.is_model_ready(q["model"]) and client.is_model_ready(q["model"], "1")
        meta = client.get_model_metadata(q["model"])
        assert meta["inputs"][0]["datatype"] == q["datatype"], meta
        for binary_in in (True, False):
            if q["datatype"] in ("FP16", "BF16") and not binary_in:
                continue  # which this client sends as bytes alone
            for binary_out in (None, True, False):
                got = ask(client, q, binary_in, binary_out)
                want = np.array(q["want"], dtype=got.dtype)
                assert got.shape[0] == q["shape"][0], got.shape
                np.testing.assert_allclose(got.reshape(-1), want.reshape(-1), rtol=1e-6, atol=1e-6)
                asked += 1
    assert not client.is_model_ready("none")
    refused(404, "there is no model", client.get_model_metadata, "none")
    wrong = triton.InferInput("x", [1, 5], "FP32")
    wrong.set_data_from_numpy(np.zeros((1, 5), np.float32))
    refused(400, "shape is [1 5]; the model takes [-1 4]", client.infer, "mlp", [wrong])
    right = triton.InferInput("x", [1, 4], "FP32")
    right.set_data_from_numpy(np.zeros((1, 4), np.float32))
    refused(400, "unknown field \"parameters.sequence_id\"", client.infer, "mlp", [right], sequence_id=3)
    pending = [client.async_infer("mlp", [right]) for _ in range(8)]
    first = pending[0].get_result().as_numpy("scores")
    for p in pending[1:]:
        np.testing.assert_allclose(p.get_result().as_numpy("scores"), first, rtol=1e-6, atol=1e-7)
    print(asked, "answers")


if __name__ == "__main__":
    main()
