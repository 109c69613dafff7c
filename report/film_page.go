package report

import (
	"cmp"
	"encoding/json"
	"html/template"
	"image"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/internal/wholefile"
)

// FilmOptions say how films are drawn.
type FilmOptions struct {
	Step   int     // of the still pictures: the last frame at or before it; below 0: the last
	Cutoff float64 // energy above the least at which the shades end; 0: by the film
	GIF    bool    // animations as GIF instead of PNG
}

// FilmPage is the page that WriteFilms writes.
const FilmPage = "surface.html"

// WriteFilms draws films into a folder: NAME.png and NAME.svg of one frame,
// NAME-animation.png (or .gif) of all, NAME-scatter.png where there are pairs of energies, and a page
// with a slider over training. It returns the names of the files.
func WriteFilms(dir string, films []surface.Film, o FilmOptions) (written []string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	write := func(name string, encode func() ([]byte, error)) {
		var data []byte
		if err == nil {
			data, err = encode()
		}
		if err == nil {
			err = wholefile.Write(filepath.Join(dir, name), data)
		}
		written = append(written, name)
	}
	ending, animated := ".png", animatedPNG
	if o.GIF {
		ending, animated = ".gif", animatedGIF
	}
	var page struct{ Films []filmView }
	for i := range films {
		v := newFilmed(&films[i], o.Cutoff)
		still := v.frameAt(o.Step)
		f, frames := v.figure(still, stillShades), v.pictures()
		write(v.Name+".png", f.png)
		write(v.Name+".svg", f.svg)
		if s := v.scatter(still); s != nil {
			write(s.name+".png", s.png)
		}
		write(v.Name+"-animation"+ending, func() ([]byte, error) { return animated(frames) })
		view, viewErr := v.view(frames)
		page.Films, err = append(page.Films, view), cmp.Or(err, viewErr)
	}
	write(FilmPage, func() ([]byte, error) { return render("film.tmpl", page) })
	return written, err
}

// frameAt is the last frame at or before a step, the first where there is none; below 0 the last.
func (v *filmed) frameAt(step int) int {
	at := 0
	for k := range v.Frames {
		if step < 0 || v.Frames[k].Step <= step {
			at = k
		}
	}
	return at
}

const animationDPI = 72

// pictures draws all frames.
func (v *filmed) pictures() (frames []image.Image) {
	for k := range v.Frames {
		frames = append(frames, inPalette(v.figure(k, filmShades).picture(animationDPI)))
	}
	return frames
}

// A filmView is a film on the page.
type filmView struct {
	Title, Alarm string
	Last         int
	Course       template.HTML
	Frames       template.JS // a list of {step, surface, scatter}
	First        template.URL
	Scatter      template.URL // the first frame's, or nothing
}

func (v *filmed) view(frames []image.Image) (filmView, error) {
	type shownFrame struct {
		Step    int          `json:"step"`
		Surface template.URL `json:"surface"`
		Scatter template.URL `json:"scatter,omitempty"`
	}
	var all []shownFrame
	var p pictures
	for k, img := range frames {
		s := shownFrame{Step: v.Frames[k].Step, Surface: p.image(img)}
		if f := v.scatter(k); f != nil {
			s.Scatter = p.image(inPalette(f.picture(animationDPI)))
		}
		all = append(all, s)
	}
	text, err := json.Marshal(all)
	course, last := p.bare(v.course()), all[len(all)-1]
	return filmView{
		Title: v.Title, Alarm: v.Alarm(), Last: len(all) - 1, Course: course.SVG, Frames: template.JS(text),
		First: last.Surface, Scatter: last.Scatter,
	}, cmp.Or(p.err, err)
}
