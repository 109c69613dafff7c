package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/search/index/remote"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"energo": func() { os.Exit(Energo().Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the commands as a user would, on a small made-up set of pictures.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("GOPROXY", "off")
			e.Setenv("GOMODCACHE", filepath.Join(e.WorkDir, "none"))
			e.Setenv("GOFLAGS", "")
			e.Setenv("GODEBUG", os.Getenv("GODEBUG"))         // cpu.avx512f=off, for one, tries other kernels
			onnx, err := filepath.Abs("../../../engine/onnx") // small models, and what they give
			if err != nil {
				return err
			}
			e.Setenv("ONNX", onnx)
			table := freshTable()
			e.Setenv("TABLE", table)
			e.Defer(func() { dropTable(table) })
			return writeDigits(filepath.Join(e.WorkDir, "digits"), 400, 100)
		},
		Condition: func(name string) (bool, error) {
			if name != "pgvector" {
				return false, fmt.Errorf("there is no condition %s", name)
			}
			return os.Getenv(databaseVariable) != "", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"result":   checkResult,
			"cutoff":   cutOff,
			"await":    await,
			"ready":    ready,
			"form":     writeForm,
			"stereo":   stereo,
			"tones":    tones,
			"pictures": pictures,
			"classes":  classes,
			"board":    board, "paint": paint,
			"fetch": fetch, "address": setServer, "same": same,
			"pack": pack,
		},
	})
}

// databaseVariable names a database with pgvector, as for the tests of package search/index/pgvector.
const databaseVariable = "ENERGO_PGVECTOR_URL"

// freshTable is the address of a table of that database which is not there.
func freshTable() string {
	u := os.Getenv(databaseVariable)
	sign := "?"
	if strings.Contains(u, "?") {
		sign = "&"
	}
	return fmt.Sprintf("%s%stable=energo_cli_%d", u, sign, time.Now().UnixNano())
}

// dropTable removes what a script made of the table; most make none.
func dropTable(address string) {
	x, err := remote.Open(context.Background(), address)
	if err == nil {
		err = errors.Join(x.Drop(context.Background()), x.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && os.Getenv(databaseVariable) != "" {
		panic(err)
	}
}

// pack compresses a file by gzip.
func pack(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, ts.ReadFile(args[0]))
	ts.Check(errors.Join(err, z.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o666))
}

// writeDigits makes an MNIST-like set of 12×12 pictures in four classes: a bright
// bar in one of four places, in noise.
func writeDigits(dir string, train, test int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for name, n := range map[string]int{"train": train, "t10k": test} {
		pixels, labels := make([]byte, n*144), make([]byte, n)
		for i := range n {
			labels[i] = byte(rng.IntN(4))
			for p := range 144 {
				v := rng.IntN(140)
				if row := p / 12; row/3 == int(labels[i]) {
					v += 80
				}
				pixels[i*144+p] = byte(v)
			}
		}
		if err := writeIDX(filepath.Join(dir, name+"-images-idx3-ubyte.gz"), pixels, n, 12, 12); err != nil {
			return err
		}
		if err := writeIDX(filepath.Join(dir, name+"-labels-idx1-ubyte.gz"), labels, n); err != nil {
			return err
		}
	}
	return nil
}

func writeIDX(path string, body []byte, dims ...int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := gzip.NewWriter(f)
	head := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		head = binary.BigEndian.AppendUint32(head, uint32(d))
	}
	if _, err := w.Write(append(head, body...)); err != nil {
		return err
	}
	return w.Close()
}

// checkResult is the script command "result FIELD OP NUMBER": the last line of stdout
// must be a JSON object whose field is so. Fields of objects are joined by dots; a figure is a field by its key.
func checkResult(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: result FIELD OP NUMBER")
	}
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	var v any
	ts.Check(json.Unmarshal([]byte(lines[len(lines)-1]), &v))
	for _, key := range strings.Split(args[0], ".") {
		if all, ok := v.([]any); ok {
			v = byKey(all)
		}
		object, ok := v.(map[string]any)
		if !ok || object[key] == nil {
			ts.Fatalf("the result has no %s", args[0])
		}
		v = object[key]
	}
	text := fmt.Sprint(v)
	got, err := strconv.ParseFloat(text, 64)
	want, err2 := strconv.ParseFloat(args[2], 64)
	numeric := err == nil && err2 == nil
	ok := map[string]bool{"==": text == args[2] || numeric && got == want, "<": numeric && got < want, ">": numeric && got > want}[args[1]]
	if !ok {
		ts.Fatalf("%s is %v, want %s %s", args[0], v, args[1], args[2])
	}
}

// byKey is the values of figures by their keys.
func byKey(figures []any) map[string]any {
	all := map[string]any{}
	for _, f := range figures {
		if figure, ok := f.(map[string]any); ok {
			all[fmt.Sprint(figure["key"])] = figure["value"]
		}
	}
	return all
}

// cutOff is the script command "cutoff FILE N": only the first N bytes stay.
func cutOff(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// await is the script command "await FILE TEXT": wait until the file holds the text.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 1000 {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(text), args[1]) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s does not come to hold %s", args[0], args[1])
}

// ready is the script command "ready SAID": it waits until the server whose address a file has is ready.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	defer http.DefaultClient.CloseIdleConnections()
	for range 1000 {
		answer, err := http.Get(address.FindString(ts.ReadFile(args[0])) + "/readyz")
		if err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("the server does not become ready")
}

// writeForm is the script command "form OUT FILE NAME=VALUE...": a form with the boundary x, of a file and fields.
func writeForm(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	ts.Check(w.SetBoundary("x"))
	part, err := w.CreateFormFile("file", filepath.Base(args[1]))
	if err == nil {
		_, err = io.WriteString(part, ts.ReadFile(args[1]))
	}
	ts.Check(err)
	for _, field := range args[2:] {
		name, value, _ := strings.Cut(field, "=")
		ts.Check(w.WriteField(name, value))
	}
	ts.Check(errors.Join(w.Close(), os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o666)))
}

// stereo is the script command "stereo OUT LEFT RIGHT": a WAV file of two others' samples, the left as long as it is.
func stereo(ts *testscript.TestScript, _ bool, args []string) {
	left, err := audio.Read(ts.MkAbs(args[1]))
	ts.Check(err)
	right, err := audio.Read(ts.MkAbs(args[2]))
	ts.Check(err)
	n := len(left.Samples)
	right.Samples = append(right.Samples, make([]float32, n)...)
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("RIFF"), uint32(36+4*n))
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00"...)
	b = le.AppendUint32(b, uint32(left.Rate))
	b = le.AppendUint32(b, uint32(4*left.Rate))
	b = append(b, "\x04\x00\x10\x00data"...)
	b = le.AppendUint32(b, uint32(4*n))
	for i := range n {
		for _, v := range []float32{left.Samples[i], right.Samples[i]} {
			b = le.AppendUint16(b, uint16(int16(v*(1<<15))))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}

// tones is the script command "tones DIR N": a corpus of N recordings of the words lo and hi, a low tone and
// a high one, with their times.
func tones(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	rng := rand.New(rand.NewPCG(3, uint64(n)))
	var rows, times strings.Builder
	rows.WriteString("path,text\n")
	times.WriteString("path,word,start,end\n")
	for i := range n {
		clip := audio.Clip{Rate: 8000}
		name := fmt.Sprintf("%d.wav", i)
		var words []string
		for range 1 + rng.IntN(3) {
			word, hz := "lo", 300.0
			if rng.IntN(2) == 1 {
				word, hz = "hi", 1500
			}
			words = append(words, word)
			clip.Samples = append(clip.Samples, make([]float32, 800+rng.IntN(800))...)
			start := len(clip.Samples)
			for k := range 1000 + rng.IntN(600) {
				clip.Samples = append(clip.Samples, float32(0.4*math.Sin(2*math.Pi*hz*float64(k)/8000)))
			}
			fmt.Fprintf(&times, "%s,%s,%.4f,%.4f\n", name, word, float64(start)/8000, float64(len(clip.Samples))/8000)
		}
		clip.Samples = append(clip.Samples, make([]float32, 800)...)
		ts.Check(audio.Write(filepath.Join(dir, name), clip))
		fmt.Fprintf(&rows, "%s,%s\n", name, strings.ToUpper(strings.Join(words, " ")))
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "corpus.csv"), []byte(rows.String()), 0o666))
	ts.Check(os.WriteFile(filepath.Join(dir, "times.csv"), []byte(times.String()), 0o666))
}
