package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The four files of an MNIST-like set, without ".gz".
const (
	trainImages = "train-images-idx3-ubyte"
	trainLabels = "train-labels-idx1-ubyte"
	testImages  = "t10k-images-idx3-ubyte"
	testLabels  = "t10k-labels-idx1-ubyte"
)

// Progress is told how many bytes of a download are there, of how many (0: unknown).
type Progress func(done, total int64)

// LoadDigits returns the training and the test set of an MNIST-like folder of four
// IDX files, gzipped or not. With an empty dir it is MNIST itself, from the user's
// cache folder, which is filled on first use; progress, which may be nil, follows
// the download.
func LoadDigits(ctx context.Context, dir string, progress Progress) (train, test *Images, err error) {
	if dir != "" {
		return loadSet(dir)
	}
	if dir, err = cacheFolder(); err != nil {
		return nil, nil, err
	}
	if err := newFetcher(progress).fill(ctx, dir); err != nil {
		return nil, nil, err
	}
	return loadSet(dir)
}

// cacheFolder is where MNIST is kept once it is fetched.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder for MNIST: %w; name a folder that has the four files", err)
	}
	return filepath.Join(cache, "energo", "mnist"), nil
}

// Fetched tells whether LoadDigits has MNIST without fetching it.
func Fetched() bool {
	dir, err := cacheFolder()
	return err == nil && newFetcher(nil).complete(dir)
}

func loadSet(dir string) (train, test *Images, err error) {
	if train, err = loadPart(dir, trainImages, trainLabels); err != nil {
		return nil, nil, err
	}
	if test, err = loadPart(dir, testImages, testLabels); err != nil {
		return nil, nil, err
	}
	if train.H != test.H || train.W != test.W {
		return nil, nil, fmt.Errorf("%s: training pictures are %d×%d, test pictures %d×%d; they must be alike", dir, train.H, train.W, test.H, test.W)
	}
	if k := train.Classes(); k < 2 {
		return nil, nil, fmt.Errorf("%s: every training label is 0; at least two classes are needed", dir)
	} else if test.Classes() > k {
		return nil, nil, fmt.Errorf("%s: the test set has label %d, the training set none above %d", dir, test.Classes()-1, k-1)
	}
	return train, test, nil
}

func loadPart(dir, images, labels string) (*Images, error) {
	m := &Images{}
	err := withFile(dir, images, func(r io.Reader) (err error) {
		m.Pixels, m.N, m.H, m.W, err = ReadIDXImages(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = withFile(dir, labels, func(r io.Reader) (err error) {
		m.Labels, err = ReadIDXLabels(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(m.Labels) != m.N {
		return nil, fmt.Errorf("%s: %d pictures in %s but %d labels in %s", dir, m.N, images, len(m.Labels), labels)
	}
	return m, nil
}

// withFile reads the first of a file's usual spellings that is there.
func withFile(dir, name string, read func(io.Reader) error) error {
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("data folder: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("%s is a file; it must be a folder with the four IDX files", dir)
	}
	for _, spelling := range spellings(name) {
		path := filepath.Join(dir, spelling)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
			return fmt.Errorf("%s is not a regular file; it must be an IDX file", path)
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := read(f); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	return fmt.Errorf("%s has neither %s nor %s.gz; it must have the four files of an MNIST-like set", dir, name, name)
}

// spellings of MNIST's file names in the wild: "x-idx3-ubyte" and "x.idx3-ubyte".
func spellings(name string) []string {
	dotted := []byte(name)
	dotted[bytes.LastIndex(dotted, []byte("-idx"))] = '.'
	return []string{name, name + ".gz", string(dotted), string(dotted) + ".gz"}
}
