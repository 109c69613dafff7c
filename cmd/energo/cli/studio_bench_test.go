//go:build unix

package cli

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
)

// BenchmarkBesideStudio holds a training beside the same with energo studio as another process and its view Surface open, live, in Chromium: the processors'
// time of the trainer alone, which on a machine that others use says more than the time on the clock. The two take turns at being first; each figure is the median,
// and "more-%" that of the ratios of the pairs. The trainer has one kernel thread and the first processor, where taskset can give it that, the studio and the
// browser have the others: what they share is memory, not what a processor remembers.
//
//	go test ./cmd/energo/cli -run xxx -bench BesideStudio -benchtime 20x -timeout 30m
func BenchmarkBesideStudio(b *testing.B) {
	program := energo(b)
	b.Chdir(b.TempDir())
	apart := []string{"taskset", "-c", "0"}
	if out, err := exec.Command("taskset", "-a", "-p", "-c", fmt.Sprintf("1-%d", runtime.NumCPU()-1), strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		b.Logf("all share the processors: %v %s", err, out)
		apart = nil
	}
	for _, training := range []string{"parabola --epochs 120", "toy2d --epochs 3"} {
		b.Run(strings.ReplaceAll(training, " --", "/"), func(b *testing.B) {
			page := chromium.Open(b, "about:blank")
			n := 0
			train := func() float64 {
				n++
				run := fmt.Sprintf("%s-%d", strings.Fields(training)[0], n)
				words := slices.Concat(apart, []string{program, "train"}, strings.Fields(training), []string{"--threads", "1", "--quiet", "--run", filepath.Join("runs", run)})
				cmd := exec.Command(words[0], words[1:]...)
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
