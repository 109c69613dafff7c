"""The side of PyTorch and ONNX Runtime in the benchmark: the same jobs, driven over stdin and stdout.

Each request is a JSON line, each answer too:
  {"job": NAME}  set the job up and run it twice   -> {"ready": true, "version": …} or {"error": …}
  {"run": N}     run it N times                    -> {"ms": [N wall times]}
  {"end": true}  leave                             -> {"mib": …, "peak_mib": …}
"""

import json
import sys
import time


def status_mib(key):
    try:
        with open("/proc/self/status") as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def main():
    threads = int(sys.argv[1])
    import torch

    torch.set_num_threads(threads)
    import jobs
    import machine
    import models

    torch.manual_seed(1)
    torch.mm(torch.ones(64, 64), torch.ones(64, 64))  # wakes the thread pool
    run, base = None, 0.0
    blas = machine.blas()
    version = f"torch {torch.__version__}, BLAS {blas}, {machine.instructions()}"
    print(json.dumps({"version": version, "blas": blas}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "job" in request:
            base = status_mib("VmRSS")
            reset_peak()
            version = None
            if request["job"].startswith(models.PREFIX):
                run, version = models.find(request["job"])
            else:
                run = jobs.find(request["job"])
            if run is None:
                print(json.dumps({"error": "no such job on this side"}), flush=True)
                continue
            run()
            run()
            print(json.dumps({"ready": True, "version": version}), flush=True)
        elif "run" in request:
            ms = []
            for _ in range(request["run"]):
                t = time.perf_counter()
                run()
                ms.append((time.perf_counter() - t) * 1e3)
            print(json.dumps({"ms": ms}), flush=True)
        else:
            peak = status_mib("VmHWM")
            print(json.dumps({"mib": peak - base, "peak_mib": peak}), flush=True)
            return


main()
