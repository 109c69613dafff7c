package studio

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/seq/audio"
	seqread "github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// heardAnswer is what a client is told of what was read.
type heardAnswer struct {
	ID         string      `json:"id"`
	Recogniser string      `json:"recogniser"`
	Unit       string      `json:"unit"`
	Length     float64     `json:"length"`
	Frames     int         `json:"frames"`
	Frame      float64     `json:"frame"`  // from one to the next
	Offset     float64     `json:"offset"` // of the beginning of the first
	Lines      shownLines  `json:"lines"`
	Posteriors posteriors  `json:"posteriors"`
	Reading    alignedText `json:"reading"`
	All        float64     `json:"all"` // the free energy of all texts
	Warning    string      `json:"warning,omitempty"`
}

// shownLines are the features of a recording, or the pixels of a strip, as shades.
type shownLines struct {
	Rows    int     `json:"rows"`
	Columns int     `json:"columns"`
	Low     float32 `json:"low"` // of shade 0
	High    float32 `json:"high"`
	Own     bool    `json:"own"` // what the recogniser looks at; else it looks at samples, or at a picture of another size
	Shades  []byte  `json:"shades"`
}

// classNamed is a class and its text; the blank's is empty.
type classNamed struct {
	Class int    `json:"class"`
	Name  string `json:"name"`
}

// posteriors are the probabilities of the classes that are likeliest somewhere.
type posteriors struct {
	Classes []classNamed  `json:"classes"`
	Values  lesson.Floats `json:"values"` // [frames][classes]
}

// hear reads a file that a client sends.
func (s *service) hear(w http.ResponseWriter, r *http.Request) error {
	if kind := r.Header.Get("Content-Type"); kind != "application/octet-stream" {
		return wire.Media("the content type is %.80q; it must be application/octet-stream, whatever the kind of the file", kind)
	}
	file, err := wire.Whole(r.Body)
	if err != nil {
		return err
	}
	m, done, err := s.recogniser(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	defer done()
	m.using.Lock()
	h, err := m.it.read(r.Context(), file)
	m.using.Unlock()
	if err != nil {
		return err
	}
	h.by, h.answer.Recogniser = m, r.PathValue("name")
	s.heard.add(h)
	wire.WriteJSON(w, http.StatusOK, h.answer)
	return nil
}

// read reads a recording or the picture of a strip.
func (m *recogniser) read(ctx context.Context, file []byte) (*heard, error) {
	if len(file) == 0 {
		return nil, wire.Malformed("file", "file is empty; it must be %s", m.takes())
	}
	h := &heard{}
	look := m.look
	if m.Hears() {
		look = m.listen
	}
	line, err := look(ctx, h, file)
	if err != nil {
		return nil, err
	}
	if h.x.Frames == 0 || len(line.Pixels) == 0 {
		return nil, wire.Invalid("file", "file has %.3g %s, which is too short for a frame of the recogniser", h.x.Length, m.Unit)
	}
	h.answer.Lines = m.shade(line, line == h.x.Line)
	h.x.LogProbs = slices.Clone(h.x.LogProbs) // which are the network's until the next call
	return h, m.tell(h)
}

// takes says what the recogniser reads.
func (m *recogniser) takes() string {
	if m.Hears() {
		return "a recording: WAV, FLAC, MP3, Ogg with Vorbis or Opus, AIFF or AU"
	}
	return "a picture of a line: PNG, JPEG, GIF, WebP, BMP or TIFF"
}

// hold takes memory for emissions of about a number of frames, and what is made of them.
func (m *recogniser) hold(ctx context.Context, frames float64, more int) error {
	bytes := 8*frames*float64(len(m.Classes)) + float64(more)
	if bytes > heardBytes {
		return wire.Invalid("file", "file takes %.0f MiB of memory with the recogniser's %d classes; at most %d are allowed", bytes/(1<<20), len(m.Classes), heardBytes>>20)
	}
	return serve.Hold(ctx, int64(bytes))
}

// listen reads a recording, and gives what is drawn of it.
func (m *recogniser) listen(ctx context.Context, h *heard, file []byte) (*data.Line, error) {
	all, err := audio.DecodeWithin(bytes.NewReader(file), audio.Mix, audio.Limits{Seconds: hearSeconds, Samples: hearSeconds * hearRate})
	if errors.Is(err, audio.ErrTooLong) {
		p := wire.Invalid("file", "file: %s; at most %d seconds are allowed, of at most %d samples a second of all channels together", plainError(err), hearSeconds, hearRate)
		p.Status, p.Code = http.StatusRequestEntityTooLarge, wire.CodeTooLarge
		return nil, p
	}
	if err != nil {
		return nil, wire.Malformed("file", "file: %s; it must be %s", plainError(err), m.takes())
	}
	one := all[0]
	seconds := one.Duration().Seconds()
	if err := m.hold(ctx, seconds/m.Frame, 16*len(one.Samples)); err != nil {
		return nil, err
	}
	if h.x, err = m.Hear("file", one.Clip); err != nil {
		return nil, wire.Invalid("file", "%s", plainError(err))
	}
	h.answer.Warning = one.Warning
	if h.sound, err = played(one.Clip); err != nil {
		return nil, err
	}
	if h.x.Line != nil && h.x.Line.H > 1 { // one row is samples
		return h.x.Line, nil
	}
	line, err := melsOf(one.Clip)
	if err != nil {
		return nil, wire.Invalid("file", "%s", plainError(err))
	}
	return line, nil
}

// The rates that every browser plays.
const leastPlayed, mostPlayed = 8000, 48000

// played is a recording as a WAV file of a rate that every browser plays.
func played(c audio.Clip) (file []byte, err error) {
	if rate := min(max(c.Rate, leastPlayed), mostPlayed); rate != c.Rate {
		if c, err = c.Resample(rate); err != nil {
			return nil, err
		}
	}
	return audio.Encode(c)
}

// melsOf are log-mel features for people, of a recogniser that takes samples.
func melsOf(c audio.Clip) (*data.Line, error) {
	f, err := seqread.NewFeatures(audio.LogMel{Rate: 16000, Mels: 64})
	if err != nil {
		return nil, err
	}
	x, err := f.Of(c)
	if err != nil {
		return nil, err
	}
	l := f.Line(x, nil)
	return &l, nil
}

// plainHeight are the rows of a strip as it is shown where the recogniser has a picture of another form.
const plainHeight = 64

// look reads the picture of a strip, and gives what is drawn of it.
func (m *recogniser) look(ctx context.Context, h *heard, file []byte) (*data.Line, error) {
	p, err := data.ParsePicture(file, stripPixels)
	if err != nil {
		return nil, wire.Malformed("file", "file is %v; it must be %s", err, m.takes())
	}
	if p.W > stripAspect*p.H {
		return nil, wire.Invalid("file", "file has %d×%d pixels; a strip may be at most %d times as wide as high", p.W, p.H, stripAspect)
	}
	height := plainHeight // about that of most
	if m.Reader != nil {
		height = m.Reader.Network().Height
	}
	if err := m.hold(ctx, float64(p.W*height)/float64(p.H)/m.Frame, 12*p.W*p.H); err != nil {
		return nil, err
	}
	picture, err := p.Decode()
	if err != nil {
		return nil, wire.Malformed("file", "file is %v", err)
	}
	if h.x, err = m.See("file", picture); err != nil {
		return nil, wire.Invalid("file", "%s", plainError(err))
	}
	if h.x.Line != nil {
		return h.x.Line, nil
	}
	line, err := seqread.ScaleLine(greyOf(picture), plainHeight)
	if err != nil {
		return nil, wire.Invalid("file", "%s", plainError(err))
	}
	return &line, nil
}

// greyOf is a picture in grey.
func greyOf(picture image.Image) data.Line {
	b := picture.Bounds()
	l := data.Line{H: b.Dy(), W: b.Dx(), Pixels: make([]float32, 0, b.Dx()*b.Dy())}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			l.Pixels = append(l.Pixels, float32(color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y)/255)
		}
	}
	return l
}

// shade makes shades of a line: of all its values where it is a picture, of features without the few that lie far below or above.
func (m *recogniser) shade(l *data.Line, own bool) shownLines {
	low, high := 0.0, 1.0
	if m.Hears() {
		low, high = 0.05, 0.998
	}
	sorted := slices.Sorted(slices.Values(l.Pixels))
	at := func(q float64) float32 { return sorted[int(q*float64(len(sorted)-1))] }
	s := shownLines{Rows: l.H, Columns: l.W, Low: at(low), High: at(high), Own: own, Shades: make([]byte, len(l.Pixels))}
	span := s.High - s.Low
	if span <= 0 {
		span = 1
	}
	for i, v := range l.Pixels {
		s.Shades[i] = byte(255*min(max((v-s.Low)/span, 0), 1) + 0.5)
	}
	return s
}

// tell fills in what the recogniser reads in the emissions.
func (m *recogniser) tell(h *heard) error {
	t := seqread.Transcriber{Emitter: m.Emitter}
	best, err := t.Decode(h.x)
	if err != nil {
		return wire.Invalid("file", "%s", plainError(err))
	}
	h.classes = best[0].Tokens
	a := &h.answer
	a.Unit, a.Length, a.Frames, a.Frame, a.Offset = m.Unit, h.x.Length, h.x.Frames, h.x.Frame, h.x.Offset
	a.All = freeOfAll(h.x.LogProbs, len(m.Classes), 1)
	a.Posteriors = m.posteriors(h.x)
	if a.Reading, err = m.align(h, nil); err != nil {
		return err
	}
	h.size = 4*len(h.x.LogProbs) + 3*len(h.sound) + 8*len(a.Lines.Shades) + 4*len(a.Posteriors.Values)
	return nil
}

// freeOfAll is the free energy of all texts: −(1/β) Σ ln Σ exp(β log p) over frames and classes, 0 at β = 1 where probabilities add up to 1.
func freeOfAll(logProbs []float32, classes int, beta float64) float64 {
	free := 0.0
	for row := range slices.Chunk(logProbs, classes) {
		most, sum := float64(slices.Max(row)), 0.0
		for _, v := range row {
			sum += math.Exp(beta * (float64(v) - most))
		}
		free -= most + math.Log(sum)/beta
	}
	return free
}

// posteriors are those of the blank and of the classes that are likeliest somewhere.
func (m *recogniser) posteriors(x seqread.Emissions) (p posteriors) {
	classes := len(m.Classes)
	peaks := make([]float32, classes)
	for i := range peaks {
		peaks[i] = float32(math.Inf(-1))
	}
	for row := range slices.Chunk(x.LogProbs, classes) {
		for c, v := range row {
			peaks[c] = max(peaks[c], v)
		}
	}
	drawn := make([]int, classes)
	for c := range drawn {
		drawn[c] = c
	}
	peaks[m.Blank] = float32(math.Inf(1)) // it is always drawn
	slices.SortStableFunc(drawn, func(a, b int) int { return cmp.Compare(peaks[b], peaks[a]) })
	drawn = drawn[:min(classes, classesDrawn)]
	for i, c := range drawn { // those that are never likely say nothing
		if peaks[c] < -4.6 && i > 1 {
			drawn = drawn[:i]
			break
		}
	}
	slices.Sort(drawn)
	for _, c := range drawn {
		p.Classes = append(p.Classes, classNamed{c, m.Classes[c]})
	}
	for row := range slices.Chunk(x.LogProbs, classes) {
		for _, c := range drawn {
			p.Values = append(p.Values, float32(min(math.Exp(float64(row[c])), 1)))
		}
	}
	return p
}

// plainError is an error's text without the name of the package that it is from.
func plainError(err error) string {
	text := err.Error()
	for _, name := range []string{"audio: ", "ctc: ", "text: ", "file: "} {
		text = strings.TrimPrefix(text, name)
	}
	return text
}
