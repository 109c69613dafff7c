package studio

import (
	"encoding/json"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
)

// timeDrawing times frames of a film of 256×256 places in the page, in milliseconds: what our scripts take for one, heights and all, and that with the browser's own
// drawing, whose end reading a pixel awaits. Two seconds each, after one to warm up; of each the middle one, and the least, which other programs disturb less.
const timeDrawing = `(async () => {
  const [{ plane }, { relief }, { heights }] = await Promise.all(["plane", "relief", "grid"].map((m) => import("./studio/kit/" + m + ".js")));
  const n = 256, axis = Array.from({ length: n }, (_, i) => -1 + 2 * i / (n - 1));
  const frames = Array.from({ length: 24 }, (_, k) => Float32Array.from({ length: n * n }, (_, i) => {
    const x = axis[Math.floor(i / n)], y = axis[i % n], t = k / 24;
    return (1 + t) * (y - x * x) ** 2 + 0.3 * Math.sin(5 * x + 6.28 * t) * Math.cos(4 * y) + 0.05 * Math.sin(31 * x * y);
  }));
  const data = Array.from({ length: 400 }, (_, i) => [Math.sin(i), Math.cos(1.7 * i)]);
  const push = data.map((at, i) => ({ at, slope: i % 2 ? 0.01 : -0.01 * (i % 7) }));
  const result = {};
  for (const [name, make] of [["plane", plane], ["relief", relief]]) {
    const drawing = make({ label: "drawing" });
    drawing.root.style.width = "640px";
    document.getElementById("view").replaceChildren(drawing.root);
    await new Promise((done) => setTimeout(done, 200));
    const pixel = new Uint8Array(4), gl = name === "relief" && drawing.canvas.getContext("webgl2"), c = name === "plane" && drawing.canvas.getContext("2d");
    const awaitDrawn = () => gl ? gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel) : c.getImageData(0, 0, 1, 1);
    const ours = [], all = [];
    for (let k = 0, begin = performance.now(); performance.now() - begin < 3000; k++) {
      const from = performance.now();
      drawing.show({ grid: { x: axis, y: axis, e: frames[k % 24] }, heights: heights({ x: axis, y: axis, e: frames[k % 24] }, { overY: true, most: 4 }), labels: ["x", "y"], data, lowest: data, push });
      const shown = performance.now();
      awaitDrawn();
      if (from - begin > 1000) { ours.push(shown - from); all.push(performance.now() - from); }
      await new Promise((done) => setTimeout(done, 0));
    }
    const middle = (v) => v.sort((a, b) => a - b)[v.length >> 1];
    for (const [what, times] of [[name, ours], [name + "+browser", all]]) [result[what], result[what + "-least"]] = [middle(times), Math.min(...times)];
    drawing.close();
  }
  return JSON.stringify(result);
})()`

// BenchmarkDrawing says how long a frame of 256×256 places takes to be drawn in Chromium, 640 pixels wide. It draws by the processors where
// the machine has no graphics card.
func BenchmarkDrawing(b *testing.B) {
	at := start(b, b.TempDir())
	page := chromium.Open(b, at+"/")
	page.Await("document.querySelector('nav a') !== null", "true")
	for b.Loop() {
		var ms map[string]float64
		if err := json.Unmarshal([]byte(page.Eval(timeDrawing)), &ms); err != nil {
			b.Fatal(err)
		}
		for name, v := range ms {
			b.ReportMetric(v, name+"-ms")
		}
	}
	b.ReportMetric(0, "ns/op")
}
