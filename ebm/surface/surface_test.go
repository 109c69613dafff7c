package surface

import (
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/google/go-cmp/cmp"
)

func films() []Film {
	frame := func(step int, scale float32) Frame {
		f := Frame{
			Step: step, Points: [][2]float64{{0.5, 1}, {1, 2}}, Correct: []float32{1, 2, 3}, Other: []float32{2, 2, 5},
			Down: []float32{0.5 * scale}, Rivals: [][2]float64{{0, 1}, {0, -1}}, Up: []float32{-0.25, -0.25 * scale},
		}
		for i := range 6 {
			f.Energy = append(f.Energy, scale*float32(i*i))
		}
		return f
	}
	return []Film{
		{Name: "a-1", Title: "A", XLabel: "x", YLabel: "y", OverY: true, Margin: 0.5, X: []float64{0, 1}, Y: []float64{-1, 0, 2}, Data: [][2]float64{{0, 0}}, Search: &Search{How: "by hand", Ball: 0.5}, Frames: []Frame{frame(0, 1), frame(7, 0.1)}},
		{Name: "b", X: []float64{0, 1, 2}, Y: []float64{-1, 0}, Frames: []Frame{{Energy: make([]float32, 6)}}},
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder without films: %v", err)
	}
	if err := Write(dir, films()); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := films()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSpreadKeptAlarm(t *testing.T) {
	f := films()[0]
	// Over y: of {0, 1, 4} and of {9, 16, 25}.
	std := func(x ...float64) float64 {
		var m, s float64
		for _, v := range x {
			m += v / float64(len(x))
		}
		for _, v := range x {
			s += (v - m) * (v - m) / float64(len(x))
		}
		return math.Sqrt(s)
	}
	if got, want := f.Spread(0), (std(0, 1, 4)+std(9, 16, 25))/2; math.Abs(got-want) > 1e-6 {
		t.Errorf("spread over y %v, want %v", got, want)
	}
	if !strings.Contains(f.Alarm(), "over the answers fell") {
		t.Errorf("alarm %q", f.Alarm())
	}
	f.OverY = false
	if got, want := f.Spread(0), std(0, 1, 4, 9, 16, 25); math.Abs(got-want) > 1e-6 {
		t.Errorf("spread over the plane %v, want %v", got, want)
	}
	if got := f.Kept(0); math.Abs(got-2.0/3) > 1e-12 {
		t.Errorf("kept %v of {1<2, 2<2, 3<5} with margin ½", got)
	}
	if f.AlarmAt(0) != "" || f.AlarmAt(1) != f.Alarm() {
		t.Errorf("alarms %q and %q at the frames", f.AlarmAt(0), f.AlarmAt(1))
	}
	f.Frames = f.Frames[:1]
	if f.Alarm() != "" {
		t.Errorf("alarm %q of one frame", f.Alarm())
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, change := range map[string]func(*Film){
		"name":   func(f *Film) { f.Name = "../x" },
		"none":   func(f *Film) { f.Name = "" },
		"axis":   func(f *Film) { f.X[1] = f.X[0] },
		"frames": func(f *Film) { f.Frames = nil },
		"energy": func(f *Film) { f.Frames[1].Energy = f.Frames[1].Energy[1:] },
		"points": func(f *Film) { f.Frames[1].Points = nil },
		"pairs":  func(f *Film) { f.Frames[1].Other = nil },
		"down":   func(f *Film) { f.Data = append(f.Data, [2]float64{1, 1}) },
		"rivals": func(f *Film) { f.Frames[1].Rivals = f.Frames[1].Rivals[1:] },
		"up":     func(f *Film) { f.Frames[0].Up = nil },
	} {
		all := films()
		change(&all[0])
		if err := Write(t.TempDir(), all); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestFirstFormat: a file of the first format, which has nothing of what is pushed, still opens.
func TestFirstFormat(t *testing.T) {
	dir, want := t.TempDir(), films()
	for i := range want {
		want[i].Search = nil
		for k := range want[i].Frames {
			f := &want[i].Frames[k]
			f.Down, f.Rivals, f.Up = nil, nil, nil
		}
	}
	if err := Write(dir, want); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, File)
	in, err := tensor.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in.Metadata["format"] = format1
	in.Tensors = slices.DeleteFunc(in.Tensors, func(n tensor.Named) bool { return slices.Contains(pushNames, n.Name[strings.Index(n.Name, "/")+1:]) })
	if err := tensor.WriteFile(path, in); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// FuzzDecode feeds the reader lists of films and tensors of any shape and content: films that hold together, or an error. That
// of safetensors has a target of its own.
func FuzzDecode(f *testing.F) {
	list := `[{"name":"a","over_y":true,"margin":0.5}]`
	whole := []byte{1, 2, 1, 2, 2, 1, 2, 1, 1, 3, 1, 2, 2, 3, 1, 1, 2, 2, 1, 1, 2, 1, 1, 2, 1, 1, 3, 1, 1, 2, 2, 1, 1} // of x, y, data, step, energy …
	f.Add(list, whole, []byte{0, 2, 0, 2, 1, 1, 4, 1, 2, 3, 4})
	f.Add(list, whole, []byte{2, 0, 0, 2})
	f.Add(`[]`, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, list string, shapes, values []byte) {
		in := &tensor.File{Metadata: map[string]string{"format": format2, "films": list}}
		for _, name := range slices.Concat(partNames, pushNames) {
			var one *tensor.Tensor
			one, shapes, values = oddTensor(name, shapes, values)
			in.Tensors = append(in.Tensors, tensor.Named{Name: "a/" + name, Tensor: one})
		}
		all, err := decode(in)
		if err != nil {
			return
		}
		for i := range all {
			if err := all[i].check(); err != nil {
				t.Fatal(err)
			}
			all[i].Spread(0)
			all[i].Alarm()
		}
	})
}

// oddTensor takes the shape and the elements of a film's part from the beginnings of two lists, and returns what is left of
// those: a rank up to 3, another type where the rank's byte is above 127, dimensions up to 3, and elements that are small whole
// numbers, halves, infinite or NaN.
func oddTensor(part string, shapes, values []byte) (x *tensor.Tensor, shapesLeft, valuesLeft []byte) {
	next := func(list *[]byte) (b byte) {
		if len(*list) > 0 {
			b, *list = (*list)[0], (*list)[1:]
		}
		return b
	}
	kind := next(&shapes)
	shape := make([]int, kind%4)
	for i := range shape {
		shape[i] = int(next(&shapes) % 4)
	}
	dtype := tensor.Float64
	if single := !slices.Contains(double, part); single != (kind > 127) {
		dtype = tensor.Float32
	}
	x = tensor.New(dtype, shape...)
	for i := range x.Len() {
		v := math.NaN()
		switch b := next(&values); {
		case b < 200:
			v = float64(b) / 2
		case b < 220:
			v = -float64(b)
		case b < 240:
			v = math.Inf(int(b%2)*2 - 1)
		}
		if dtype == tensor.Float32 {
			x.Float32s()[i] = float32(v)
		} else {
			x.Float64s()[i] = v
		}
	}
	return x, shapes, values
}
