"""Makes folders of pictures, a subfolder a class, from Debian packages, for the figures of search in docs/results.md.

    python3 scripts/picture_sets.py stamps|clipart|photos OUT

stamps   tuxpaint-stamps-default: a class is a folder of the second level with ten pictures or more, without the alphabets
clipart  openclipart-png: twelve folders of things
photos   mate-backgrounds, ukui-wallpapers, lomiri-wallpapers-16.04: a class is one photograph, its pictures twelve crops of it
         with other sizes, places and exposures (needs Pillow and numpy)
"""

import pathlib
import shutil
import sys

STAMPS = pathlib.Path("/usr/share/tuxpaint/stamps")
CLIPART = pathlib.Path("/usr/share/openclipart/png")
CLIPART_CLASSES = """animals/mammals animals/birds animals/bugs animals/fish food/fruit food/desserts food/beverages
people/clothing people/smilies transportation/vehicles buildings/homes plants/flowers""".split()
PHOTOS = pathlib.Path("/usr/share/backgrounds")
CROPS = 12


def copy(files, out):
    out.mkdir(parents=True)
    for i, path in enumerate(sorted(files)):
        shutil.copyfile(path, out / f"{i:03d}_{path.name}")


def stamps(out):
    classes = {}
    for path in STAMPS.rglob("*.png"):
        parts = path.relative_to(STAMPS).parts
        if len(parts) > 2 and parts[:2] != ("symbols", "alphabets"):
            classes.setdefault("-".join(parts[:2]), []).append(path)
    for name, files in classes.items():
        if len(files) >= 10:
            copy(files, out / name)


def clipart(out):
    for name in CLIPART_CLASSES:
        copy((CLIPART / name).rglob("*.png"), out / name.replace("/", "-"))


def photos(out):
    import numpy as np
    from PIL import Image

    rng = np.random.RandomState(1)
    seen = []
    for path in sorted(PHOTOS.rglob("*.jpg")):
        if path.is_symlink():
            continue
        picture = Image.open(path).convert("RGB")
        small = np.asarray(picture.resize((16, 16)), float)
        if min(picture.size) < 700 or any(abs(small - other).mean() < 12 for other in seen):
            continue  # too small, or the same photograph in another size
        seen.append(small)
        target = out / path.stem.replace(" ", "_")
        target.mkdir(parents=True)
        for i in range(CROPS):
            side = int(min(picture.size) * rng.uniform(0.35, 0.7))
            x, y = (rng.randint(0, n - side + 1) for n in picture.size)
            crop = np.asarray(picture.crop((x, y, x + side, y + side)).resize((200, 200)), float)
            crop = 255 * (crop / 255) ** np.exp(rng.uniform(-0.3, 0.3)) * rng.uniform(0.85, 1.15, 3)
            Image.fromarray(np.clip(crop, 0, 255).astype("uint8")).save(target / f"{i}.jpg", quality=88)


if __name__ == "__main__":
    makers = {"stamps": stamps, "clipart": clipart, "photos": photos}
    if len(sys.argv) != 3 or sys.argv[1] not in makers:
        sys.exit(__doc__)
    makers[sys.argv[1]](pathlib.Path(sys.argv[2]))
