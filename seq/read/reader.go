package read

import (
	"fmt"
	"image"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"golang.org/x/image/draw"
)

// A Reader reads files with a trained network. It is for one goroutine.
type Reader struct {
	Classes   []string // texts of the classes; the blank's, the first, is empty
	Separator string   // the text of the class between words; "" where there is none
	Frame     float64  // from a frame of emissions to the next: seconds of sound, pixels of a strip
	Offset    float64  // from the beginning to the first frame's middle

	r      *Network
	speech *Features // nil for pictures
	times  *Times    // nil where the folder has none
}

// Network returns the reader's network.
func (r *Reader) Network() *Network { return r.r }

// Features says how recordings become lines; nil for a reader of pictures.
func (r *Reader) Features() *Features { return r.speech }

// A Source is a file as a model takes it.
type Source struct {
	Line   data.Line
	Length float64 // seconds of sound, or pixels of the picture as it is in the file
	Scale  float64 // from a reader's Frame and Offset to the file's own unit: 1 but for pictures of another height

	clip audio.Clip // where the reader has a model of times
}

// Open reads a file: the picture of a strip, or a recording.
func (r *Reader) Open(path string) (Source, error) {
	if r.speech == nil {
		return readStrip(path, r.r.Height)
	}
	clip, err := audio.Read(path)
	if err != nil {
		return Source{}, err
	}
	return r.source(path, clip.Clip)
}

// source is a recording as the model takes it; its name is for errors.
func (r *Reader) source(name string, clip audio.Clip) (Source, error) {
	length := clip.Duration().Seconds()
	if r.speech.Front == nil && clip.Rate != r.Rate() { // once for all, so that one recording is held
		var err error
		if clip, err = clip.Resample(r.Rate()); err != nil {
			return Source{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	x, err := r.speech.Of(clip)
	if err != nil {
		return Source{}, fmt.Errorf("%s: %w", name, err)
	}
	r.speech.Normalise(x)
	s := Source{Line: r.speech.Line(x, nil), Length: length, Scale: 1}
	if r.times != nil {
		s.clip = clip
	}
	return s, nil
}

// Refines reports whether the run has a model of times, with which Refine changes times.
func (r *Reader) Refines() bool { return r.times != nil }

// Refine returns tokens, whose times are those of an alignment of the source's emissions (ctc.TimedTokens), with the
// times that the run's model of them has: more exact ones, found within a quarter of a second of the
// given. A separator has what lies between two words, which may be nothing. Where the run has no such
// model the times stay.
func (r *Reader) Refine(s Source, tokens []ctc.Timed) ([]ctc.Timed, error) {
	if r.times == nil || len(tokens) == 0 {
		return tokens, nil
	}
	x, err := r.times.features.of(s.clip)
	if err != nil {
		return nil, err
	}
	return r.times.refine(x, tokens, s.Length), nil
}

// Emissions returns those of a line: log-probabilities, frame by frame. They are good until the
// next call.
func (r *Reader) Emissions(l data.Line) ([]float32, error) { return r.r.Emissions(l) }

// Normal returns a text as the model would write it: its words one space apart, in lower case
// where the model is of speech.
func (r *Reader) Normal(text string) string {
	if r.r.Imported != nil {
		text = caseOf(r.Classes)(text)
	} else if r.speech != nil {
		return NormalSpeech(text)
	}
	return strings.Join(strings.Fields(text), " ")
}

// Spell returns a text as classes, once it is Normal.
func (r *Reader) Spell(text string) ([]int, error) {
	tokens, err := r.r.Spell(r.Normal(text))
	return ClassesOf(nil, tokens), err
}

// maxStrip bounds the pixels of a strip's picture, before anything of it is decoded.
const maxStrip = 1 << 24

// readStrip reads the picture of a strip.
func readStrip(path string, height int) (Source, error) {
	picture, err := openPicture(path)
	if err != nil {
		return Source{}, err
	}
	return stripSource(path, picture, height)
}

// openPicture reads the picture of a file.
func openPicture(path string) (image.Image, error) {
	encoded, err := data.OpenPicture(path, maxStrip)
	if err != nil {
		return nil, err
	}
	picture, err := encoded.Decode()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return picture, nil
}

// overWhite is a picture without transparency.
func overWhite(picture image.Image) image.Image {
	if p, ok := picture.(interface{ Opaque() bool }); ok && p.Opaque() {
		return picture
	}
	opaque := image.NewRGBA(picture.Bounds())
	draw.Draw(opaque, opaque.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(opaque, opaque.Rect, picture, picture.Bounds().Min, draw.Over)
	return opaque
}

// ScaleLine brings a line of a strip to a number of rows, as a reader of such lines brings pictures.
//
// Errors: a width that is not allowed.
func ScaleLine(l data.Line, height int) (data.Line, error) {
	if l.H == height {
		return l, nil
	}
	width, err := widthAt(image.Pt(l.W, l.H), height)
	if err != nil {
		return data.Line{}, err
	}
	from, to := image.NewGray(image.Rect(0, 0, l.W, l.H)), image.NewGray(image.Rect(0, 0, width, height))
	for i, v := range l.Pixels {
		from.Pix[i] = byte(255*v + 0.5)
	}
	draw.CatmullRom.Scale(to, to.Bounds(), from, from.Bounds(), draw.Src, nil)
	out := data.Line{H: height, W: width, Pixels: make([]float32, len(to.Pix)), Target: l.Target}
	for i, p := range to.Pix {
		out.Pixels[i] = float32(p) / 255
	}
	return out, nil
}

// stripOf makes a picture a line; a bright one is dark ink on paper, and is inverted.
func stripOf(grey *image.Gray) data.Line {
	l := data.Line{H: grey.Rect.Dy(), W: grey.Rect.Dx()}
	var sum float64
	for _, p := range grey.Pix {
		v := float32(p) / 255
		sum += float64(v)
		l.Pixels = append(l.Pixels, v)
	}
	if sum > 0.5*float64(len(l.Pixels)) {
		for i, v := range l.Pixels {
			l.Pixels[i] = 1 - v
		}
	}
	return l
}
