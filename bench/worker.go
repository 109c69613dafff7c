package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/energo-ml/energo/internal/simd"
)

// serve is our side: it answers requests until told to end.
func serve(threads int, in io.Reader, out io.Writer) error {
	simd.SetThreads(threads)
	w := json.NewEncoder(out)
	if err := w.Encode(answer{Version: simd.Current().String()}); err != nil {
		return err
	}
	var run func()
	var base float64
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		var a answer
		switch {
		case r.End:
			peak := statusMiB("VmHWM")
			return w.Encode(answer{MiB: peak - base, PeakMiB: peak})
		case r.Job != "":
			base = statusMiB("VmRSS")
			resetPeak()
			a = answer{Ready: true}
			var err error
			if run, err = find(r.Job); err != nil {
				a = answer{Error: err.Error()}
				break
			}
			run()
			run()
			runtime.GC()
		default:
			a.MS = measure(run, r.Run)
		}
		if err := w.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

func measure(run func(), n int) []float64 {
	ms := make([]float64, n)
	for i := range ms {
		t := time.Now()
		run()
		ms[i] = time.Since(t).Seconds() * 1e3
	}
	return ms
}

// statusMiB reads a memory figure of this process where the system tells it (Linux), else 0.
func statusMiB(key string) float64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(line, []byte(key+":")); ok {
			kib, _ := strconv.ParseFloat(string(bytes.Fields(rest)[0]), 64)
			return kib / 1024
		}
	}
	return 0
}

// resetPeak makes VmHWM count from now, where the system can.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
