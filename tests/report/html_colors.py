#!/usr/bin/env python3
# html_colors.py - whether everybody can distinguish the eight colors of the HTML report, in
# light and dark mode, and see them on their background.
# SPDX-License-Identifier: MIT
"""usage: html_colors.py PROJECT_FOLDER

Color blindness by Machado, Oliveira and Fernandes 2009 (full severity), differences by CIEDE2000,
contrast by WCAG 2."""
import itertools
import math
import pathlib
import re
import sys

LEAST_DIFFERENCE, LEAST_CONTRAST = 15, 3
SIGHT = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                   (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                     (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                   (0.004733, 0.691367, 0.303900)),
}


def linear(color):
    channels = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def seen(color, matrix):
    return [min(1, max(0, sum(m * c for m, c in zip(row, linear(color))))) for row in matrix]


def lab(rgb):
    r, g, b = rgb
    x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047
    y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def difference(one, other):
    """CIEDE2000."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean ** 7 / (mean ** 7 + 25 ** 7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    dh = 0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dl, dc = l2 - l1, c2 - c1
    dbig = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(dh) / 2)
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    hm = h1 + h2 if c1 * c2 == 0 else (h1 + dh / 2) % 360
    t = (1 - 0.17 * math.cos(math.radians(hm - 30)) + 0.24 * math.cos(math.radians(2 * hm)) +
         0.32 * math.cos(math.radians(3 * hm + 6)) - 0.2 * math.cos(math.radians(4 * hm - 63)))
    sl = 1 + 0.015 * (lm - 50) ** 2 / math.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rt = (-math.sin(math.radians(60 * math.exp(-((hm - 275) / 25) ** 2))) *
          2 * math.sqrt(cm ** 7 / (cm ** 7 + 25 ** 7)))
    return math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dbig / sh) ** 2 + rt * dc / sc * dbig / sh)


def contrast(one, other):
    lights = sorted(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(color)))
                    for color in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def nearest(colors):
    """The pair that is hardest to distinguish, by which kind of vision, and its difference."""
    return min((difference(lab(seen(a, matrix)), lab(seen(b, matrix))), sight, a, b)
               for a, b in itertools.combinations(colors, 2) for sight, matrix in SIGHT.items())


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    # Sharma, Wu and Dalal 2005, the first and the seventh pair; and colors that fail.
    assert abs(difference((50, 2.6772, -79.7751), (50, 0, -82.7485)) - 2.0425) < 1e-4
    assert abs(difference((50, 0, 0), (50, -1, 2)) - 2.3669) < 1e-4
    assert nearest(["#65c322", "#c3b622"])[0] < 1
    style = pathlib.Path(arguments[1]) / "include/joulery/detail/report/html_page.hpp"
    found = re.findall(r"--(card|c[0-7]):(#[0-9a-f]{6})", style.read_text(encoding="utf-8"))
    assert len(found) == 18, found
    status = 0
    for name, part in (("light", found[:9]), ("dark", found[9:])):
        assert [key for key, _ in part] == ["card"] + [f"c{i}" for i in range(8)], part
        background, colors = part[0][1], [color for _, color in part[1:]]
        worst = nearest(colors)
        faint = min((contrast(background, c), c) for c in colors)
        print("%s: nearest %s and %s, %.1f apart with %s; faintest %s, contrast %.1f" %
              (name, worst[2], worst[3], worst[0], worst[1], faint[1], faint[0]))
        if worst[0] < LEAST_DIFFERENCE or faint[0] < LEAST_CONTRAST:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv))
