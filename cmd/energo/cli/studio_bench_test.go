//go:build unix

package cli

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
)

// BenchmarkBesideStudio holds a training beside the same with energo studio as another process and its view Surface open, live, in Chromium: the processors'
// time of the trainer alone, which on a machine that others use says more than the time on the clock. The two take turns at being first; each figure is the median,
// and "more-%" that of the ratios of the pairs. One kernel thread keeps what waits for others out of the figures.
//
//	go test ./cmd/energo/cli -run xxx -bench BesideStudio -benchtime 20x
func BenchmarkBesideStudio(b *testing.B) {
	program := energo(b)
	b.Chdir(b.TempDir())
	for _, training := range []string{"parabola --epochs 120", "toy2d --epochs 3"} {
		b.Run(strings.ReplaceAll(training, " --", "/"), func(b *testing.B) {
			page := chromium.Open(b, "about:blank")
			n := 0
			train := func() float64 {
				n++
				run := fmt.Sprintf("%s-%d", strings.Fields(training)[0], n)
				cmd := exec.Command(program, append(append([]string{"train"}, strings.Fields(training)...), "--threads", "1", "--quiet", "--run", filepath.Join("runs", run))...)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
			}
			beside := func() float64 {
				studio := exec.Command(program, "studio", "runs", "--listen", "127.0.0.1:0", "--open=false")
				said, err := studio.StdoutPipe()
				if err == nil {
					err = studio.Start()
				}
				if err != nil {
					b.Fatal(err)
				}
				line, _ := bufio.NewReader(said).ReadString('\n')
				_, at, _ := strings.Cut(line, " at ")
				at, _, _ = strings.Cut(at, " ")
				page.Call("Page.navigate", map[string]any{"url": fmt.Sprintf("%s#/surface?run=%s-%d", at, strings.Fields(training)[0], n+1)}, nil)
				page.Await("document.querySelector('.verdict')?.textContent.startsWith('there is no run')", "true")
				took := train()
				page.Await("document.querySelector('.figures').textContent.includes('frame')", "true")
				page.Call("Page.navigate", map[string]any{"url": "about:blank"}, nil)
				_ = studio.Process.Signal(syscall.SIGINT)
				_ = studio.Wait()
				return took
			}
			var alone, watched, ratios []float64
			for b.Loop() {
				var a, w float64
				if len(alone)%2 == 0 {
					a = train()
					w = beside()
				} else {
					w = beside()
					a = train()
				}
				alone, watched, ratios = append(alone, a), append(watched, w), append(ratios, w/a)
			}
			middle := func(x []float64) float64 {
				slices.Sort(x)
				return x[len(x)/2]
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(middle(alone), "alone-s")
			b.ReportMetric(middle(watched), "watched-s")
			b.ReportMetric(100*(middle(ratios)-1), "more-%")
		})
	}
}
