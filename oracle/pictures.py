"""Writes internal/picture/testdata/pictures.jsonl.gz: small pictures in every format that package picture reads, with their pixels.

Pillow writes and reads them. A file that Pillow does not write (sampling ratios, kinds of BMP, PNG by its chunks) is made here.
Pixels are RGBA as they are stored; orientation is EXIF's. tolerance bounds the difference of each byte.
"""

import base64
import gzip
import io
import json
import os
import struct
import zlib

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))


def picture(w, h, seed=0, alpha=False):
    """Smooth colours with an edge, a little noise, and a transparent corner."""
    rng = np.random.default_rng(1000 * w + h + seed)
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    planes = [127 + 120 * np.sin(x / (3 + c) + y / (5 + 2 * c) + c + seed) for c in range(3)]
    p = np.stack(planes, 2) + rng.normal(0, 6, (h, w, 3))
    p[(x + y) > (w + h) * 0.6] = (230, 30, 60)
    p = p.clip(0, 255).astype(np.uint8)
    if alpha:
        a = np.where(x < w / 3, 0, np.where(y < h / 2, 255, (x * 7) % 256)).astype(np.uint8)
        p = np.dstack([p, a])
    return p


def case(name, data, rgba, tolerance, orientation=1):
    rgba = np.asarray(rgba, np.uint8)
    if rgba.shape[2] == 3:
        rgba = np.dstack([rgba, np.full(rgba.shape[:2], 255, np.uint8)])
    return {
        "name": name, "w": rgba.shape[1], "h": rgba.shape[0], "tolerance": tolerance, "orientation": orientation,
        "file": base64.b64encode(data).decode(), "rgba": base64.b64encode(rgba.tobytes()).decode(),
    }


def read(data):
    """The first picture as RGBA, as it is stored."""
    im = Image.open(io.BytesIO(data))
    if im.mode.startswith("I;16"):
        v = (np.asarray(im) >> 8).astype(np.uint8)
        return np.dstack([v, v, v])
    return np.asarray(im.convert("RGBA"))


def saved(name, im, fmt, tolerance=0, orientation=1, **options):
    f = io.BytesIO()
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif.tobytes()
    im.save(f, fmt, **options)
    return case(name, f.getvalue(), read(f.getvalue()), tolerance, orientation)


SIZES = ((33, 21), (16, 16), (1, 1), (2, 5), (5, 2), (3, 40), (64, 7))


def jpegs():
    for w, h in SIZES:
        im = Image.fromarray(picture(w, h))
        for sub in (0, 1, 2):
            for progressive in (False, True):
                yield saved(f"JPEG {w}x{h} subsampling {sub} progressive {progressive}", im, "JPEG", 0, quality=85, subsampling=sub, progressive=progressive)
        yield saved(f"JPEG {w}x{h} grey", im.convert("L"), "JPEG", quality=90)
        yield saved(f"JPEG {w}x{h} grey progressive", im.convert("L"), "JPEG", quality=90, progressive=True)
    im = Image.fromarray(picture(45, 37))
    for sub in ("4:1:1", "4:4:0"):
        try:
            yield saved(f"JPEG {sub}", im, "JPEG", subsampling=sub)
        except (ValueError, TypeError, KeyError):
            pass
    yield saved("JPEG RGB", im, "JPEG", keep_rgb=True, quality=90)
    yield saved("JPEG restart", im, "JPEG", restart_marker_blocks=2, quality=70)
    yield saved("JPEG restart progressive", im, "JPEG", restart_marker_rows=1, quality=70, progressive=True)
    yield saved("JPEG optimized", im, "JPEG", optimize=True, quality=30)
    yield saved("JPEG CMYK", im.convert("CMYK"), "JPEG", quality=90)
    yield saved("JPEG CMYK progressive", im.convert("CMYK"), "JPEG", quality=90, progressive=True)
    for o in range(1, 9):
        yield saved(f"JPEG orientation {o}", im, "JPEG", orientation=o)
    # Sampling factors that Pillow does not write: by an encoder of our own.
    for factors in ((2, 2, 1, 1, 1, 2), (2, 1, 1, 1, 1, 1), (1, 2, 1, 1, 1, 1), (4, 1, 1, 1, 1, 1), (4, 2, 1, 1, 2, 1), (1, 4, 1, 1, 1, 2), (2, 2, 2, 1, 1, 2), (1, 1, 2, 2, 1, 1), (4, 4, 1, 1, 1, 1)):
        for w, h in ((45, 37), (7, 3), (70, 9)):
            for scans in (1, 3):
                if sum(a * b for a, b in zip(factors[::2], factors[1::2])) > 10 and scans == 1:
                    continue  # a scan has at most ten blocks of an MCU
                data = encode(w, h, factors, scans)
                yield case(f"JPEG {w}x{h} factors {factors} scans {scans}", data, read(data), 0)
    data = encode(45, 37, (1, 1, 1, 1, 1, 1, 1, 1), 1, adobe=2)
    yield case("JPEG YCCK", data, read(data), 0)
    data = encode(45, 37, (2, 2, 1, 1, 1, 1, 2, 2), 1, adobe=2)
    yield case("JPEG YCCK 4:2:0", data, read(data), 0)
    data = encode(45, 37, (2, 2, 1, 1, 1, 1), 1, wide=True)
    yield case("JPEG with 16-bit quantisers", data, read(data), 0)


class Bits:
    def __init__(self):
        self.out, self.acc, self.n = bytearray(), 0, 0

    def put(self, v, n):
        self.acc, self.n = (self.acc << n) | v, self.n + n
        while self.n >= 8:
            b = (self.acc >> (self.n - 8)) & 255
            self.out.append(b)
            if b == 255:
                self.out.append(0)
            self.n -= 8

    def end(self):
        if self.n % 8:
            self.put((1 << (8 - self.n % 8)) - 1, 8 - self.n % 8)
        return bytes(self.out)


def encode(w, h, factors, scans, adobe=None, wide=False):
    """A baseline JPEG of random coefficients with any sampling factors, in one scan or one for each component."""
    rng = np.random.default_rng(w * 1000 + h + sum(factors) * 7 + scans)
    comps = [tuple(factors[i:i + 2]) for i in range(0, len(factors), 2)]
    hm, vm = max(c[0] for c in comps), max(c[1] for c in comps)
    mw, mh = -(-w // (8 * hm)), -(-h // (8 * vm))
    out = bytearray(b"\xff\xd8")

    def segment(marker, body):
        out.extend(struct.pack(">BBH", 255, marker, len(body) + 2) + body)

    if adobe is not None:
        segment(0xEE, b"Adobe\0d\0\0\0\0" + bytes([adobe]))
    if wide:
        segment(0xDB, b"\x10" + struct.pack(">64H", *([8] + [300] * 63)))
    else:
        segment(0xDB, b"\0" + bytes([8] + [12] * 63))
    segment(0xC0, struct.pack(">BHHB", 8, h, w, len(comps)) + b"".join(bytes([i + 1, a << 4 | b, 0]) for i, (a, b) in enumerate(comps)))
    # Codes of 8 bits for sizes 0 to 11, and for AC end of block, run 0 and 3 with sizes 1 to 4.
    dc = list(range(12))
    ac = [0x00, 0xF0] + [r << 4 | s for r in (0, 3) for s in range(1, 5)]
    segment(0xC4, b"\0" + bytes([0] * 7 + [len(dc)] + [0] * 8) + bytes(dc))
    segment(0xC4, b"\x10" + bytes([0] * 7 + [len(ac)] + [0] * 8) + bytes(ac))

    def number(bits, v):
        n = int(abs(v)).bit_length()
        if n:
            bits.put(v if v > 0 else v + (1 << n) - 1, n)

    def block(bits, before):
        v = int(np.clip(before + rng.integers(-12, 13), -100, 100))
        d = v - before
        bits.put(dc.index(int(abs(d)).bit_length()), 8)
        number(bits, d)
        k = 1
        for _ in range(rng.integers(0, 5)):
            run, a = int(rng.choice((0, 3))), int(rng.choice((-9, -3, -1, 1, 2, 10)))
            bits.put(ac.index(run << 4 | abs(a).bit_length()), 8)
            number(bits, a)
            k += run + 1
        bits.put(0, 8)
        return v

    def scan(which):
        segment(0xDA, bytes([len(which)]) + b"".join(bytes([i + 1, 0]) for i in which) + bytes([0, 63, 0]))
        bits, before = Bits(), [0] * len(comps)
        if len(which) == 1:
            a, b = comps[which[0]]
            bw, bh = -(-(-(-w * a // hm)) // 8), -(-(-(-h * b // vm)) // 8)
            for _ in range(bw * bh):
                before[0] = block(bits, before[0])
        else:
            for _ in range(mw * mh):
                for i in which:
                    for _ in range(comps[i][0] * comps[i][1]):
                        before[i] = block(bits, before[i])
        out.extend(bits.end())

    if scans == 1:
        scan(list(range(len(comps))))
    else:
        for i in range(len(comps)):
            scan([i])
    return bytes(out) + b"\xff\xd9"


def webps():
    for w, h in SIZES:
        yield saved(f"WebP {w}x{h} lossy", Image.fromarray(picture(w, h)), "WEBP", 0, quality=70)
        yield saved(f"WebP {w}x{h} lossless", Image.fromarray(picture(w, h)), "WEBP", lossless=True)
        yield saved(f"WebP {w}x{h} lossy alpha", Image.fromarray(picture(w, h, alpha=True)), "WEBP", 0, quality=70, exact=True)
        yield saved(f"WebP {w}x{h} lossless alpha", Image.fromarray(picture(w, h, alpha=True)), "WEBP", lossless=True, exact=True)
    for method in (0, 4, 6):
        yield saved(f"WebP method {method}", Image.fromarray(picture(50, 41)), "WEBP", 0, quality=30, method=method)
    yield saved("WebP alpha quality", Image.fromarray(picture(50, 41, alpha=True)), "WEBP", 0, quality=30, alpha_quality=40, exact=True)
    for o in (1, 3, 6, 8):
        yield saved(f"WebP orientation {o}", Image.fromarray(picture(20, 10)), "WEBP", 0, orientation=o)
    for lossless in (False, True):
        frames = [Image.fromarray(picture(40, 30, seed)) for seed in range(3)]
        yield saved(f"WebP animated lossless {lossless}", frames[0], "WEBP", 0, save_all=True, append_images=frames[1:], lossless=lossless)
    frames = [Image.fromarray(picture(40, 30, seed, alpha=True)) for seed in range(3)]
    yield saved("WebP animated alpha", frames[0], "WEBP", 0, save_all=True, append_images=frames[1:], lossless=True, exact=True)
    for v in ((0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)):
        yield saved(f"WebP flat {v}", Image.new("RGB", (16, 16), v), "WEBP", 0)


def png(w, h, depth, kind, interlaced=False, palette=None, trns=None):
    """A PNG of pixels at random."""
    rng = np.random.default_rng(depth * 10 + kind)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)) if interlaced else ((0, 0, 1, 1),)
    raw = b""
    for x, y, dx, dy in passes:
        pw, ph = max(-(-(w - x) // dx), 0), max(-(-(h - y) // dy), 0)
        for _ in range(ph if pw else 0):
            raw += bytes([rng.integers(0, 5)]) + rng.integers(0, 256, (channels * depth * pw + 7) // 8, np.uint8).tobytes()
    out = b"\x89PNG\r\n\x1a\n"
    parts = [(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, int(interlaced)))]
    if palette is not None:
        parts.append((b"PLTE", palette))
    if trns is not None:
        parts.append((b"tRNS", trns))
    for name, body in parts + [(b"IDAT", zlib.compress(raw)), (b"IEND", b"")]:
        out += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return out


def pngs():
    rng = np.random.default_rng(5)
    for kind, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for depth in depths:
            for interlaced in (False, True):
                palette = rng.integers(0, 256, 3 << depth, np.uint8).tobytes() if kind == 3 else None
                data = png(19, 13, depth, kind, interlaced, palette)
                rgba = read(data)
                yield case(f"PNG kind {kind} depth {depth} interlaced {interlaced}", data, rgba, 0)
    palette = rng.integers(0, 256, 48, np.uint8).tobytes()
    data = png(19, 13, 4, 3, False, palette, bytes([0, 100, 200]))
    yield case("PNG palette with transparency", data, read(data), 0)
    im = Image.fromarray(picture(19, 13))
    for o in (2, 5, 6):
        yield saved(f"PNG orientation {o}", im, "PNG", orientation=o)


def gifs():
    for w, h in SIZES:
        im = Image.fromarray(picture(w, h)).quantize(50)
        yield saved(f"GIF {w}x{h}", im, "GIF")
        yield saved(f"GIF {w}x{h} interlaced", im, "GIF", interlace=1)
    im = Image.fromarray(picture(30, 20)).quantize(50)
    yield saved("GIF transparent", im, "GIF", transparency=7)
    frames = [Image.fromarray(picture(30, 20, s)).quantize(50) for s in range(3)]
    yield saved("GIF animated", frames[0], "GIF", save_all=True, append_images=frames[1:])


def bmp(w, h, depth, compression, data, palette=b"", masks=b"", size=40, down=False):
    head = struct.pack("<IiiHHIIiiII", size, w, -h if down else h, 1, depth, compression, len(data), 0, 0, len(palette) // 4, 0)
    head += (masks + b"\0" * size)[:size - 40] if size > 40 else masks
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + palette + data


def rows(a, depth):
    """Rows of whole numbers as a BMP has them, from the bottom up, to four bytes."""
    out = b""
    for row in a[::-1]:
        b = b"".join(int(v).to_bytes(depth // 8, "little") for v in row)
        out += b + b"\0" * (-len(b) % 4)
    return out


def bmps():
    for w, h in SIZES:
        im = Image.fromarray(picture(w, h))
        for mode in ("1", "L", "RGB"):
            yield saved(f"BMP {w}x{h} {mode}", im.convert(mode), "BMP")
        yield saved(f"BMP {w}x{h} P", im.quantize(200), "BMP")
        yield saved(f"BMP {w}x{h} RGBA", Image.fromarray(picture(w, h, alpha=True)), "BMP")
    rng = np.random.default_rng(1)
    v16, v32 = rng.integers(0, 1 << 16, (9, 11)), rng.integers(0, 1 << 32, (9, 11))
    plain = {
        "16 bits": bmp(11, 9, 16, 0, rows(v16, 16)),
        "16 bits, 565": bmp(11, 9, 16, 3, rows(v16, 16), masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)),
        "32 bits": bmp(11, 9, 32, 0, rows(v32, 32)),
        "32 bits from the top": bmp(11, 9, 32, 0, rows(v32, 32), down=True),
        "32 bits with masks": bmp(11, 9, 32, 3, rows(v32, 32), masks=struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000), size=56),
        "32 bits with masks, version 5": bmp(11, 9, 32, 3, rows(v32, 32), masks=struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000), size=124),
    }
    palette = rng.integers(0, 256, 64, np.uint8).tobytes()
    four = b"".join(bytes(rng.integers(0, 256, 8, np.uint8)) for _ in range(9))
    plain["4 bits"] = bmp(11, 9, 4, 0, four, palette=palette)
    runs8, runs4 = b"", b""
    for y in range(9):
        runs8 += bytes([4, y, 0, 5, 1, 2, 3, 4, 5, 0, 2, 9]) + (b"\0\0" if y < 8 else b"\0\1")
        runs4 += bytes([5, 0x10 | y, 0, 6, 0x12, 0x34, 0x56, 0]) + (b"\0\0" if y < 8 else b"\0\1")
    plain["runs of 8 bits"] = bmp(11, 9, 8, 1, runs8, palette=palette * 16)
    plain["runs of 4 bits"] = bmp(11, 9, 4, 2, runs4, palette=palette)
    os2 = b"BM" + struct.pack("<IHHI", 0, 0, 0, 26 + 48) + struct.pack("<IHHHH", 12, 11, 9, 1, 4) + palette[:48] + four
    plain["OS/2"] = os2
    for name, data in plain.items():
        yield case("BMP " + name, data, read(data), 0)


def tiffs():
    for w, h in SIZES[:5]:
        im = Image.fromarray(picture(w, h))
        for mode in ("1", "L", "RGB", "CMYK"):
            for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
                yield saved(f"TIFF {w}x{h} {mode} {compression}", im.convert(mode), "TIFF", compression=compression)
        for compression in ("group3", "group4"):
            yield saved(f"TIFF {w}x{h} {compression}", im.convert("1"), "TIFF", compression=compression)
    im = Image.fromarray(picture(40, 30))
    yield saved("TIFF P", im.quantize(100), "TIFF")
    yield saved("TIFF RGBA", Image.fromarray(picture(40, 30, alpha=True)), "TIFF", compression="tiff_lzw")
    yield saved("TIFF LA", Image.fromarray(picture(40, 30, alpha=True)).convert("LA"), "TIFF")
    grey16 = (np.asarray(im.convert("L")).astype(np.uint16) << 8) + 77
    yield saved("TIFF 16 bits", Image.fromarray(grey16), "TIFF")
    for sub in ("RGB", "L"):
        yield saved(f"TIFF JPEG {sub}", im.convert(sub), "TIFF", 0, compression="jpeg", quality=80)
    yield saved("TIFF JPEG YCbCr", im.convert("YCbCr"), "TIFF", 0, compression="jpeg", quality=80)
    yield saved("TIFF predictor", im, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    yield saved("TIFF strips", im, "TIFF", compression="tiff_adobe_deflate", tiffinfo={278: 7})
    yield saved("TIFF plain strips", im, "TIFF", tiffinfo={278: 7})
    turned = saved("TIFF orientation", im, "TIFF", orientation=6)  # which Pillow reads upright
    yield case("TIFF orientation", base64.b64decode(turned["file"]), np.asarray(im), 0, 6)


def main():
    path = os.path.join(HERE, "..", "internal", "picture", "testdata", "pictures.jsonl.gz")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as f:
        for make in (jpegs, webps, pngs, gifs, bmps, tiffs):
            n = 0
            for c in make():
                f.write((json.dumps(c) + "\n").encode())
                n += 1
            print(make.__name__, n)


if __name__ == "__main__":
    main()
