"""Compares the pixels that energo decodes with Pillow's, on pictures of this machine written anew in every format.

    python bench/picture/compare.py [--count 500] [--speed] [FOLDER ...]

Each picture is scaled to at most 384 pixels a side and written by Pillow with a quality, a chroma subsampling and options at
random. The table has, for each format, the worst difference of a byte, the mean, and how many pictures are equal in every byte.
--speed measures the decoding of large pictures, in turn: energo whole, energo fitted to 224 pixels, the standard library, Pillow.
Times are those that the processes had of the cores (Linux), so that what else runs counts for little; the least of nine counts.
"""

import argparse
import os
import random
import subprocess
import tempfile
import time

import numpy as np
from PIL import Image, ImageOps

Image.MAX_IMAGE_PIXELS = None
FOLDERS = ["/usr/share/backgrounds", "/usr/share/tuxpaint/stamps", "/usr/share/pixmaps", "/usr/share/icons", "/usr/share/doc"]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def sources(folders, count, rng, least=4000):
    paths = []
    for folder in folders:
        for at, _, names in os.walk(folder):
            paths += [os.path.join(at, n) for n in names if n.lower().endswith((".png", ".jpg", ".jpeg")) and not os.path.islink(os.path.join(at, n))]
    paths = sorted(p for p in paths if os.path.getsize(p) > least)
    rng.shuffle(paths)
    for p in paths:
        try:
            im = Image.open(p)
            im.load()
        except (OSError, ValueError, SyntaxError):
            continue
        im = im.convert("RGBA" if "A" in im.getbands() or "transparency" in im.info else "RGB")
        if im.width * im.height >= 1024:
            yield im
            count -= 1
            if count == 0:
                return


def save(im, path, fmt, rng):
    q = rng.randint(1, 100)
    rgb = im.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = rng.randint(1, 8)
    turned = {"exif": exif.tobytes()} if rng.random() < 0.3 else {}
    if fmt == "JPEG":
        rng.choice((rgb, rgb, rgb, im.convert("L"), rgb.convert("CMYK"))).save(
            path, "JPEG", quality=q, subsampling=rng.choice((0, 1, 2)), progressive=rng.random() < 0.5, optimize=rng.random() < 0.5, **turned)
    elif fmt == "WebP lossy":
        im.save(path, "WEBP", quality=q, method=rng.randint(0, 4), **turned)
    elif fmt == "WebP lossless":
        im.save(path, "WEBP", lossless=True, quality=q, exact=rng.random() < 0.5, **turned)
    elif fmt == "WebP animated":
        im.save(path, "WEBP", save_all=True, append_images=[ImageOps.flip(im)], quality=q, lossless=rng.random() < 0.3)
    elif fmt == "PNG":
        rng.choice((im, rgb, im.convert("L"), im.convert("LA"), rgb.quantize(rng.randint(2, 256)), im.convert("1"))).save(path, "PNG", **turned)
    elif fmt == "GIF":
        frames = [rgb.quantize(rng.randint(2, 256))]
        frames[0].save(path, "GIF", interlace=rng.randint(0, 1), save_all=True, append_images=frames * rng.randint(0, 1))
    elif fmt == "BMP":
        rng.choice((im, rgb, im.convert("L"), im.convert("1"), rgb.quantize(rng.choice((2, 16, 200))))).save(path, "BMP")
    elif fmt == "TIFF":
        rng.choice((im, rgb, im.convert("L"), rgb.convert("CMYK"), rgb.quantize(100))).save(
            path, "TIFF", compression=rng.choice((None, "tiff_lzw", "tiff_adobe_deflate", "packbits")))


class Decoder:
    def __init__(self, binary, *flags):
        self.p = subprocess.Popen([binary, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def size(self, path):
        self.p.stdin.write(path.encode() + b"\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        if line.startswith(b"error"):
            raise ValueError(line.decode())
        return [int(v) for v in line.split()]

    def read(self, path):
        w, h = self.size(path)
        return np.frombuffer(self.p.stdout.read(4 * w * h), np.uint8).reshape(h, w, 4)

    def spent(self):
        """The seconds that all threads have had of the cores."""
        total = 0
        for task in os.listdir(f"/proc/{self.p.pid}/task"):
            with open(f"/proc/{self.p.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def time(self, path):
        start = self.spent()
        self.size(path)
        return self.spent() - start


def pillow(path):
    im = Image.open(path)
    im.load()
    return np.asarray(ImageOps.exif_transpose(im).convert("RGBA"))


class Pillow:
    def time(self, path):
        start = time.process_time()
        Image.open(path).convert("RGBA")
        return time.process_time() - start


def compare(binary, ims, rng):
    ours = Decoder(binary)
    print("| format | pictures | worst | mean | equal in every byte |\n| --- | --- | --- | --- | --- |")
    for fmt in ("JPEG", "WebP lossy", "WebP lossless", "WebP animated", "PNG", "GIF", "BMP", "TIFF"):
        worst, total, size, equal = 0, 0, 0, 0
        for i, im in enumerate(ims):
            with tempfile.TemporaryDirectory() as d:
                path = os.path.join(d, "a")
                save(im, path, fmt, rng)
                want, got = pillow(path), ours.read(path)
            if got.shape != want.shape:
                raise ValueError(f"{fmt}, picture {i}: {got.shape}, Pillow has {want.shape}")
            seen = np.repeat((want[..., 3:] > 0) | (got[..., 3:] > 0), 4, 2)  # colours of what is transparent are nobody's
            diff = np.abs(got.astype(int) - want)[seen]
            worst, total, size, equal = max(worst, int(diff.max(initial=0))), total + int(diff.sum()), size + diff.size, equal + (diff.max(initial=0) == 0)
        print(f"| {fmt} | {len(ims)} | {worst} | {total / max(size, 1):.4f} | {equal} |", flush=True)


def speed(binary, ims):
    ims = [im.convert("RGB").resize((2048, 1536)) for im in ims[:4]]
    programs = {
        "energo": Decoder(binary, "-quiet"), "energo, fitted to 224": Decoder(binary, "-quiet", "-fit", "224"),
        "Go and x/image": Decoder(binary, "-quiet", "-std"), "Pillow": Pillow(),
    }
    print("| milliseconds a megapixel | " + " | ".join(programs) + " |\n" + "| --- " * (len(programs) + 1) + "|")
    for name, fmt, options in (
        ("JPEG 4:2:0", "JPEG", {"quality": 85}), ("JPEG 4:4:4", "JPEG", {"quality": 85, "subsampling": 0}), ("JPEG progressive", "JPEG", {"quality": 85, "progressive": True}),
        ("PNG", "PNG", {}), ("WebP lossy", "WEBP", {"quality": 80}), ("WebP lossless", "WEBP", {"lossless": True, "method": 0}),
        ("BMP", "BMP", {}), ("TIFF, LZW", "TIFF", {"compression": "tiff_lzw"}), ("GIF", "GIF", {}),
    ):
        best = {}
        with tempfile.TemporaryDirectory() as d:
            for i, im in enumerate(ims):
                path = os.path.join(d, "a")
                im.save(path, fmt, **options)
                for _ in range(9):
                    for who, program in programs.items():
                        best[who, i] = min(best.get((who, i), 9e9), program.time(path))
        row = [sum(best[who, i] for i in range(len(ims))) / (len(ims) * 2048 * 1536 / 1e6) * 1e3 for who in programs]
        print(f"| {name} | " + " | ".join(f"{v:.1f}" for v in row) + " |", flush=True)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("folders", nargs="*", default=FOLDERS)
    a.add_argument("--count", type=int, default=500)
    a.add_argument("--speed", action="store_true")
    o = a.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as d:
        binary = os.path.join(d, "picture")
        subprocess.run(["go", "build", "-o", binary, "./bench/picture"], cwd=ROOT, check=True)
        if o.speed:
            speed(binary, list(sources(["/usr/share/backgrounds"] if o.folders == FOLDERS else o.folders, 4, rng, 1_000_000)))
            return
        ims = []
        for im in sources(o.folders, o.count, rng):
            im.thumbnail((384, 384))
            ims.append(im)
        compare(binary, ims, rng)


if __name__ == "__main__":
    main()
