"""Serves a network by FastAPI and ONNX Runtime, as the Open Inference Protocol has it with tensors as bytes: peer.py MODEL.

It prints the address as JSON, and ends with its input. Requests run in FastAPI's pool of threads; ONNX Runtime has its defaults.
"""

import json
import socket
import sys
import threading

import fastapi
import numpy as np
import onnxruntime
import uvicorn
from fastapi.concurrency import run_in_threadpool

LENGTH = "Inference-Header-Content-Length"
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
outputs = [o.name for o in session.get_outputs()]
app = fastapi.FastAPI()


def run(text, length):
    q = json.loads(text[:length])
    feeds, at = {}, length
    for i in q["inputs"]:
        size = i["parameters"]["binary_data_size"]
        feeds[i["name"]] = np.frombuffer(text, np.float32, size // 4, at).reshape(i["shape"])
        at += size
    results = session.run(outputs, feeds)
    head = json.dumps({
        "model_name": "model",
        "model_version": "1",
        "outputs": [
            {"name": n, "datatype": "FP32", "shape": list(y.shape), "parameters": {"binary_data_size": y.nbytes}}
            for n, y in zip(outputs, results)
        ],
    }).encode()
    return head, b"".join([head] + [y.tobytes() for y in results])


@app.post("/v2/models/model/infer")
async def infer(request: fastapi.Request):
    text = await request.body()
    head, answer = await run_in_threadpool(run, text, int(request.headers[LENGTH]))
    return fastapi.Response(answer, media_type="application/octet-stream", headers={LENGTH: str(len(head))})


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))


def ended():
    sys.stdin.read()
    server.should_exit = True


threading.Thread(target=ended, daemon=True).start()
listener.listen(2048)
print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
server.run(sockets=[listener])
