// Command infer measures networks over HTTP by the Open Inference Protocol with tensors as bytes: energo's server, with requests joined and without,
// and beside it FastAPI (uvicorn) with ONNX Runtime, in turn, with the same models.
//
//	go run ./bench/infer -python PYTHON                     # a ResNet-18, two perceptrons, PP-OCR's recogniser
//	go run ./bench/infer -python PYTHON -model net.onnx=1,3,224,224
//	go run ./bench/infer -model net.onnx=1,3,224,224        # energo alone: what joining gains
//
// PYTHON has fastapi, uvicorn, onnxruntime and, without -model, torch, torchvision, onnx and rapidocr-onnxruntime. Each server is a process of its own on this
// machine, so that its memory and processor time are known; the clients share its cores.
package main

import (
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/internal/peer"
)

//go:embed *.py
var scripts embed.FS

type settings struct {
	python  string
	models  []model
	clients []int
	batches []int
	time    time.Duration
	rounds  int
	json    bool
	served  string // a file to serve, instead of measuring
}

// model is a network with the shape of an input.
type model struct {
	File  string `json:"file"`
	Shape []int  `json:"shape"`
}

func main() {
	var s settings
	flag.StringVar(&s.python, "python", "", "`command` of a Python for the peer, and for the models without -model; without it energo is alone")
	flag.Func("model", "network, `FILE=SHAPE` with the shape of its only input, which is of float32; may be given again", s.addModel)
	clients := flag.String("clients", "1,8,64", "`numbers` of clients at once")
	batches := flag.String("batch", "1,32", "`numbers` of requests that energo joins at most; 1 joins none")
	flag.DurationVar(&s.time, "time", 5*time.Second, "how long each measurement takes")
	flag.IntVar(&s.rounds, "rounds", 3, "measurements of each server, in turn with the others")
	flag.BoolVar(&s.json, "json", false, "print one JSON line a result")
	flag.StringVar(&s.served, "serve", "", "serve this `file` until the input ends, with the first number of -batch")
	flag.Parse()
	var err error
	if s.clients, err = numbers("clients", *clients); err == nil {
		s.batches, err = numbers("batch", *batches)
	}
	if err == nil {
		err = run(&s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/infer:", err)
		os.Exit(1)
	}
}

func (s *settings) addModel(text string) error {
	file, shape, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("want FILE=SHAPE, as net.onnx=1,3,224,224")
	}
	dims, err := numbers("model", shape)
	s.models = append(s.models, model{file, dims})
	return err
}

// numbers reads numbers with commas between.
func numbers(flag, text string) (all []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-%s has %q; want numbers above 0 with commas between", flag, text)
		}
		all = append(all, n)
	}
	return all, nil
}

func run(s *settings) error {
	switch {
	case s.served != "":
		return serveModel(s.served, s.batches[0])
	case s.time <= 0 || s.rounds < 1:
		return errors.New("-time and -rounds must be above 0")
	case len(s.models) == 0 && s.python == "":
		return errors.New("which networks? -model names one, and -python makes some")
	}
	dir, err := peer.Scripts(scripts)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if len(s.models) == 0 {
		if s.models, err = written(s.python, dir); err != nil {
			return err
		}
	}
	for _, m := range s.models {
		if err := s.measure(dir, m); err != nil {
			return fmt.Errorf("%s: %w", m.File, err)
		}
	}
	return nil
}

// written has the script models.py write networks.
func written(python, dir string) (all []model, err error) {
	cmd := exec.Command(python, filepath.Join(dir, "models.py"), dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("models.py: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		var m model
		if json.Unmarshal([]byte(line), &m) == nil && m.File != "" { // exporters print lines, too
			all = append(all, m)
		}
	}
	return all, nil
}
