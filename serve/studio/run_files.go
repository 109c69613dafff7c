package studio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/serve/wire"
)

// samplesMost is the bytes of the pictures of runs that are kept.
const samplesMost = 128 << 20

// shownWithin is how long a request waits for the samples of a run, and pictureWithin one for a picture.
const (
	shownWithin   = 3 * time.Second
	pictureWithin = 200 * time.Millisecond
)

// errReading says that samples are being read.
var errReading = errors.New("the samples are being read")

// samplesOf are the samples of a run, once they are read; errReading before.
func (s *service) samplesOf(ctx context.Context, dir string, wait time.Duration) (*job.Shown, error) {
	if s.o.Samples == nil {
		return nil, errors.New("this studio shows no samples")
	}
	stamp, err := stampOfFile(filepath.Join(dir, report.ConfigFile))
	if err != nil {
		return nil, err
	}
	patience, done := context.WithTimeout(ctx, wait)
	defer done()
	v, err := s.samples.get(patience, s.base, dir, stamp, func(ctx context.Context) (*job.Shown, int64, error) {
		v, err := s.o.Samples(ctx, dir)
		if err != nil {
			return nil, 0, err
		}
		return v, int64(v.Bytes), nil
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = errReading
	}
	return v, err
}

// shown tells whether the samples of a run can be shown.
func (s *service) shown(w http.ResponseWriter, r *http.Request) error {
	dir, err := s.dir(r.PathValue("name"))
	if err != nil {
		return err
	}
	samples, err := s.samplesOf(r.Context(), dir, shownWithin)
	answer := map[string]any{"ready": err == nil, "texts": err == nil && samples.HeldText != nil}
	if err != nil && !errors.Is(err, errReading) {
		answer["why"] = err.Error()
	}
	wire.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// picture answers with the picture of a sample.
func (s *service) picture(w http.ResponseWriter, r *http.Request) error {
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"set", "sample"}, nil)
	}
	if err != nil {
		return err
	}
	dir, err := s.dir(r.PathValue("name"))
	if err != nil {
		return err
	}
	img, err := s.pictureOf(r.Context(), dir, params.Get("set"), func(n int) (int, error) { return number(params, "sample", n) })
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, max-age=600")
	w.Header().Set("Content-Type", "image/png")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.Bytes()))
	return nil
}

// pictureOf is the picture of a sample of a set; pick chooses one below a number.
func (s *service) pictureOf(ctx context.Context, dir, set string, pick func(n int) (int, error)) (image.Image, error) {
	if err := oneOf("set", set, setNames); err != nil {
		return nil, err
	}
	samples, err := s.samplesOf(ctx, dir, pictureWithin)
	switch {
	case errors.Is(err, errReading):
		return nil, wire.Unavailable(err.Error())
	case err != nil:
		return nil, wire.Absent("the samples cannot be shown: %v", err)
	}
	i, err := s.numbered(ctx, dir, set, pick)
	if err != nil {
		return nil, err
	}
	pictures := samples.Held
	if set == setTest {
		pictures = samples.Test
	}
	if pictures != nil {
		if img := pictures(i); img != nil {
			return img, nil
		}
	}
	return nil, wire.Absent("sample %d has no picture", i)
}

// numbered is the number of a sample of a set among all that a run evaluates on, or of its test set.
func (s *service) numbered(ctx context.Context, dir, set string, pick func(n int) (int, error)) (int, error) {
	if set == setTest {
		test, err := s.store.test(ctx, dir)
		if err != nil {
			return 0, wire.Absent("the run has no energies of test samples")
		}
		return pick(test.N)
	}
	record, err := s.store.watched(ctx, dir)
	if err != nil {
		return 0, wire.Absent("the run has no energies of watched samples")
	}
	i, err := pick(len(record.Labels))
	if err != nil {
		return 0, err
	}
	return record.Samples[i], nil
}

// textOf is a sample as a text, by its number among all; "" where there is none, or it is not read yet.
func (s *service) textOf(ctx context.Context, dir, set string, number int) string {
	samples, err := s.samplesOf(ctx, dir, pictureWithin)
	switch {
	case err != nil:
	case set == setTest && samples.TestText != nil:
		return samples.TestText(number)
	case set == setWatched && samples.HeldText != nil:
		return samples.HeldText(number)
	}
	return ""
}

// sheetDetail is a sheet of pictures that a run has left.
type sheetDetail struct {
	Title string `json:"title"`
	Note  string `json:"note"`
	File  string `json:"file"`
}

// plotsMost bounds the pictures of a run that are listed.
const plotsMost = 200

// left are the pictures that a run has left in its folder, and whether there is a page of them.
func left(dir string) (sheets []sheetDetail, plots []string, page bool) {
	sheets, plots = []sheetDetail{}, []string{}
	isSheet := map[string]bool{}
	if text, err := readSmall(filepath.Join(dir, report.PlotsFolder, "sheets.json")); err == nil {
		var all []report.Sheet
		if json.Unmarshal(text, &all) == nil {
			for _, x := range all {
				file := filepath.Base(x.Name) + ".png"
				isSheet[file] = true
				sheets = append(sheets, sheetDetail{x.Title, x.Note, file})
			}
		}
	}
	entries, _ := os.ReadDir(filepath.Join(dir, report.PlotsFolder)) // a folder that cannot be read has none
	has := map[string]bool{}
	for _, e := range entries {
		has[e.Name()] = true
	}
	for _, e := range entries {
		name := e.Name()
		base, drawing := strings.CutSuffix(name, ".svg")
		still := strings.HasSuffix(name, ".png") && !isSheet[name] && !has[strings.TrimSuffix(name, ".png")+".svg"]
		if e.Type().IsRegular() && (drawing && base != "" || still) && len(plots) < plotsMost {
			plots = append(plots, name)
		}
	}
	sheets = slices.DeleteFunc(sheets, func(x sheetDetail) bool { return !has[x.File] })
	_, err := os.Stat(filepath.Join(dir, report.PageFile))
	return sheets, plots, err == nil
}

// plotKinds are the types of the pictures that a run leaves.
var plotKinds = map[string]string{".png": "image/png", ".svg": "image/svg+xml"}

// stillPolicy lets a file of a run show what is in it, and do nothing.
const stillPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"

// plot answers with a picture that a run has left.
func (s *service) plot(w http.ResponseWriter, r *http.Request) error {
	file := r.PathValue("file")
	kind, known := plotKinds[filepath.Ext(file)]
	if !known || filepath.Base(file) != file || strings.HasPrefix(file, ".") {
		return wire.Absent("the run has no picture %q", file)
	}
	return s.leave(w, r, filepath.Join(report.PlotsFolder, file), kind)
}

// report answers with the page of a run.
func (s *service) report(w http.ResponseWriter, r *http.Request) error {
	return s.leave(w, r, report.PageFile, "text/html; charset=utf-8")
}

// leave answers with a file that a run has left.
func (s *service) leave(w http.ResponseWriter, r *http.Request, name, kind string) error {
	dir, err := s.dir(r.PathValue("name"))
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return wire.Absent("the run has no %s", filepath.ToSlash(name))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return wire.Absent("the run has no %s", filepath.ToSlash(name))
	}
	w.Header().Set("Content-Security-Policy", stillPolicy)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, name, info.ModTime(), f)
	return nil
}
