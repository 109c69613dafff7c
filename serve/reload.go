package serve

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// watchTime is how often files are looked at. Their bytes are compared, and not their times, so that no change is missed.
const watchTime = time.Second

// maxKept is how many bytes a file that is read again has at most.
const maxKept = 1 << 20

// kept is what was made of files. They are read again when they change; where they are wrong then, what was made before stays.
type kept[T any] struct {
	what  string // for the log: "tokens"
	paths []string
	parse func(texts [][]byte) (T, error)
	value atomic.Pointer[T]

	mu   sync.Mutex
	sum  [sha256.Size]byte // of the files as they were tried last
	said string            // the error of the last try
}

// keep reads files for the first time.
func keep[T any](what string, paths []string, parse func(texts [][]byte) (T, error)) (*kept[T], error) {
	k := &kept[T]{what: what, paths: paths, parse: parse}
	_, err := k.again(true)
	return k, err
}

// again reads the files, and makes something of them if they have changed or force is set. An error is returned once, or again with force.
func (k *kept[T]) again(force bool) (changed bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer func() {
		said := ""
		if err != nil {
			said = err.Error()
		}
		if said == k.said && !force {
			err = nil
		}
		k.said = said
	}()
	texts := make([][]byte, len(k.paths))
	whole := sha256.New()
	for i, path := range k.paths {
		if texts[i], err = readKept(path); err != nil {
			return false, err
		}
		fmt.Fprintf(whole, "%d\n%s", len(texts[i]), texts[i])
	}
	sum := [sha256.Size]byte(whole.Sum(nil))
	if sum == k.sum && !force {
		if k.said != "" { // unless it could not be read meanwhile, it is wrong as before
			_, err = k.parse(texts)
		}
		return false, err
	}
	k.sum = sum
	v, err := k.parse(texts)
	if err != nil {
		return false, err
	}
	k.value.Store(&v)
	return true, nil
}

// name is for the log.
func (k *kept[T]) name() string { return k.what }

// readKept reads a file that is small.
func readKept(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe could be waited for without end
		return nil, fmt.Errorf("%s: not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKept+1))
	if err == nil && len(text) > maxKept {
		err = fmt.Errorf("%s: more than %d bytes", path, maxKept)
	}
	return text, err
}

// reloader is a kept of any type.
type reloader interface {
	again(force bool) (changed bool, err error)
	name() string
}

// Reload reads the files of tokens and of the certificate again, whether they have changed or not. Where one is wrong, what was read before
// stays. New does so by itself when their content changes.
func (s *Server) Reload() error { return s.reload(true) }

func (s *Server) reload(force bool) error {
	var all []error
	for _, k := range s.files {
		changed, err := k.again(force)
		switch {
		case err != nil:
			s.metrics.reloads.WithLabelValues(k.name(), "failure").Inc()
			s.o.Log.Error("what was read before stays", "of", k.name(), "error", err)
			all = append(all, err)
		case changed:
			s.metrics.reloads.WithLabelValues(k.name(), "success").Inc()
			s.o.Log.Info("read again", "of", k.name())
		}
	}
	return errors.Join(all...)
}

// watch reads files again when they change, until all work ends.
func (s *Server) watch() {
	tick := time.NewTicker(watchTime)
	defer tick.Stop()
	for {
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
			_ = s.reload(false) // which the log has
		}
	}
}

// newReloads counts files that were read again.
func newReloads() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "energo_reloads_total", Help: "Files that were read again, by what they have and result.",
	}, []string{"of", "result"})
}
