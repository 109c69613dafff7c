"""The side of torchaudio and ctc-segmentation: aligns the emissions of a folder once, and says how."""

import json
import os
import resource
import sys
import time

import numpy as np

side, folder = sys.argv[1], sys.argv[2]
about = json.load(open(os.path.join(folder, "about.json")))
tokens = about["tokens"]
x = np.fromfile(os.path.join(folder, "x.f32"), "<f4").reshape(-1, about["classes"])


def torchaudio():
    import torch
    from torchaudio.functional import forced_align

    def align():
        path, _ = forced_align(torch.from_numpy(x)[None], torch.tensor([tokens], dtype=torch.int32), blank=0)
        path = path[0].numpy()
        begins = (path != 0) & (path != np.concatenate([[0], path[:-1]]))
        return np.flatnonzero(begins).tolist()

    return align


def segmentation():
    from ctc_segmentation import CtcSegmentationParameters, ctc_segmentation, prepare_token_list

    c = CtcSegmentationParameters(index_duration=1, blank=0, char_list=[str(k) for k in range(x.shape[1])])
    truth, _ = prepare_token_list(c, [np.array(tokens)])
    return lambda: [int(t) for t in ctc_segmentation(c, x, truth)[0][2:-1]]


align = {"torchaudio": torchaudio, "ctc-segmentation": segmentation}[side]()
before = resource.getrusage(resource.RUSAGE_SELF)
begin, spent = time.perf_counter(), time.process_time()
starts = align()
wall, spent = time.perf_counter() - begin, time.process_time() - spent
unit = 1024 if sys.platform != "darwin" else 1024 * 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"wall": wall, "seconds": spent, "before": before.ru_maxrss / unit, "peak": peak / unit, "starts": starts}))
