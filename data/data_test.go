package data

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// idx makes an IDX file of bytes.
func idx(body []byte, dims ...int) []byte {
	out := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		out = binary.BigEndian.AppendUint32(out, uint32(d))
	}
	return append(out, body...)
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// small is a set of 3 training and 2 test pictures of 2×3 pixels.
func small() map[string][]byte {
	return map[string][]byte{
		trainImages + ".gz": gz(idx([]byte("abcdefghijklmnopqr"), 3, 2, 3)),
		trainLabels + ".gz": gz(idx([]byte{0, 2, 1}, 3)),
		testImages + ".gz":  gz(idx([]byte("ABCDEFGHIJKL"), 2, 2, 3)),
		testLabels + ".gz":  gz(idx([]byte{1, 2}, 2)),
	}
}

func put(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadDigits(t *testing.T) {
	dir := t.TempDir()
	files := small()
	files["train-labels.idx1-ubyte"] = idx([]byte{0, 2, 1}, 3) // not gzipped, spelt with a dot
	delete(files, trainLabels+".gz")
	put(t, dir, files)
	train, test, err := LoadDigits(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if train.N != 3 || train.H != 2 || train.W != 3 || train.Classes() != 3 || string(train.Image(1)) != "ghijkl" {
		t.Errorf("training set %+v", train)
	}
	if test.N != 2 || string(test.Subset(1, 2).Pixels) != "GHIJKL" || test.Labels[1] != 2 {
		t.Errorf("test set %+v", test)
	}
	got := make([]float32, 12)
	train.Batch(got, []int{2, 0})
	if got[0] != 'm'/255. || got[6] != 'a'/255. {
		t.Errorf("batch %v", got)
	}
}

// TestBadFiles spoils one file at a time and wants an error that names it and says why.
func TestBadFiles(t *testing.T) {
	good := idx([]byte("abcdefghijklmnopqr"), 3, 2, 3)
	for _, c := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"missing", trainImages, nil, "has neither"},
		{"empty", trainImages, []byte{}, "no room for a magic number"},
		{"short header", trainImages, good[:9], "cut short"},
		{"truncated", trainImages, good[:len(good)-1], "ends after 17 of the 18"},
		{"trailing", trainImages, append(bytes.Clone(good), 'x'), "more bytes follow"},
		{"truncated gzip", trainImages, gz(good)[:30], "valid IDX"},
		{"corrupt gzip", trainImages, append([]byte{0x1f, 0x8b, 8, 0}, good...), "valid IDX"},
		{"wrong kind", trainImages, idx([]byte{1, 2, 3}, 3), "magic number"},
		{"no pictures", trainImages, idx(nil, 0, 2, 3), "dimension 0 at byte 4 is 0"},
		{"too large", trainImages, idx(nil, 1<<20, 1<<20, 1<<20), "declares more than"},
		{"label count", trainLabels, idx([]byte{1, 2}, 2), "3 pictures in"},
		{"one class", trainLabels, idx([]byte{0, 0, 0}, 3), "at least two classes"},
		{"unknown test label", testLabels, idx([]byte{9, 0}, 2), "test set has label 9"},
		{"sizes differ", testImages, idx([]byte("ABCDEFGHIJKL"), 2, 3, 2), "must be alike"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			files := small()
			delete(files, c.file+".gz")
			if c.data != nil {
				files[c.file] = c.data
			}
			put(t, dir, files)
			_, _, err := LoadDigits(context.Background(), dir, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %q, want one that names the folder and has %q", err, c.want)
			}
		})
	}
}

// What is no file is refused: opening a pipe would wait for its writer.
func TestNoOrdinaryFile(t *testing.T) {
	dir := t.TempDir()
	files := small()
	delete(files, testImages+".gz")
	put(t, dir, files)
	if err := os.Mkdir(filepath.Join(dir, testImages), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, _, err := loadSet(dir); err == nil || !strings.Contains(err.Error(), testImages+" is not a regular file") {
		t.Errorf("error %v", err)
	}
}

// A checksum that is wrong is told with the bytes that were there, no more.
func TestBadGzipChecksum(t *testing.T) {
	file := gz(idx([]byte{0, 2, 1}, 3))
	file[len(file)-6] ^= 1
	if _, err := ReadIDXLabels(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "after 3 of 3 bytes") || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v", err)
	}
}

func testFetcher(env map[string]string) *fetcher {
	f := newFetcher(nil)
	f.goEnv = func(key string) string { return env[key] }
	f.mirrors = nil
	f.sums = map[string]string{}
	for name, data := range small() {
		f.sums[name] = digest(data)
	}
	return f
}

func archive(files map[string][]byte) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range files {
		f, _ := w.Create(modulePath + "@" + moduleVersion + "/data/" + name)
		f.Write(data)
	}
	w.Close()
	return b.Bytes()
}

func TestFetchFromProxy(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		w.Write(archive(small()))
	}))
	defer server.Close()
	f := testFetcher(map[string]string{"GOPROXY": "off|file:///nowhere," + server.URL + "/,direct"})
	var done, total int64
	f.progress = func(d, n int64) { done, total = d, n }
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := f.fill(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	if want := "/" + escapedModule + "/@v/" + moduleVersion + ".zip"; len(asked) != 1 || asked[0] != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if done == 0 || done != total {
		t.Errorf("progress ends at %d of %d", done, total)
	}
	if _, _, err := loadSet(dir); err != nil {
		t.Error(err)
	}
	if err := f.fill(context.Background(), dir); err != nil || len(asked) != 1 {
		t.Errorf("a full cache was fetched again (%v, %d requests)", err, len(asked))
	}
	put(t, dir, map[string][]byte{testLabels + ".gz": []byte("damaged")})
	if err := f.fill(context.Background(), dir); err != nil || len(asked) != 2 || !f.complete(dir) {
		t.Errorf("a damaged cache was not mended (%v, %d requests)", err, len(asked))
	}
}

func TestFetchFromMirrorAfterFailures(t *testing.T) {
	mux := http.NewServeMux()
	files := small()
	mux.HandleFunc("/good/", func(w http.ResponseWriter, r *http.Request) { w.Write(files[filepath.Base(r.URL.Path)]) })
	mux.HandleFunc("/bad/", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("something else")) })
	server := httptest.NewServer(mux)
	defer server.Close()
	f := testFetcher(map[string]string{"GOPROXY": server.URL + "/none"})
	f.mirrors = []string{server.URL + "/bad/"}
	dir := t.TempDir()
	err := f.fill(context.Background(), dir)
	if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "checksum") || !strings.Contains(err.Error(), "--data") {
		t.Errorf("error %q does not say what was tried and what to do", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("unchecked files were kept: %v", entries)
	}
	f.mirrors = append(f.mirrors, server.URL+"/good/")
	if err := f.fill(context.Background(), dir); err != nil || !f.complete(dir) {
		t.Errorf("the good mirror did not help: %v", err)
	}
}

func TestFetchFromModuleCache(t *testing.T) {
	cache := t.TempDir()
	folder := filepath.Join(cache, filepath.FromSlash(escapedModule)+"@"+moduleVersion, "data")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	put(t, folder, small())
	dir := t.TempDir()
	if err := testFetcher(map[string]string{"GOMODCACHE": cache}).fill(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
}

func TestFetchCancelled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := testFetcher(map[string]string{"GOPROXY": server.URL})
	if err := f.fill(ctx, t.TempDir()); err != context.Canceled {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func FuzzReadIDXImages(f *testing.F) {
	f.Add(idx([]byte("abcdef"), 1, 2, 3))
	f.Add(gz(idx([]byte("abcdef"), 1, 2, 3)))
	f.Add(idx(nil, 1<<31-1, 1<<31-1, 1<<31-1))
	f.Fuzz(func(t *testing.T, data []byte) {
		pixels, n, h, w, err := ReadIDXImages(bytes.NewReader(data))
		if err == nil && (len(pixels) != n*h*w || n < 1 || h < 1 || w < 1) {
			t.Errorf("%d pixels for %d×%d×%d", len(pixels), n, h, w)
		}
	})
}

func FuzzReadIDXLabels(f *testing.F) {
	f.Add(idx([]byte{1, 2, 3}, 3))
	f.Add(gz(idx([]byte{1, 2, 3}, 3)))
	f.Fuzz(func(t *testing.T, data []byte) {
		labels, err := ReadIDXLabels(bytes.NewReader(data))
		if err == nil && len(labels) == 0 {
			t.Error("no labels and no error")
		}
	})
}
