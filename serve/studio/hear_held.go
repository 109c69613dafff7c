package studio

import (
	"crypto/rand"
	"net/http"
	"slices"
	"sync"

	seqread "github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/serve/wire"
)

// What is kept of what was read, so that other texts are aligned to it: the oldest gives way.
const (
	heardMost  = 16        // recordings and strips
	heardBytes = 256 << 20 // of all together
)

// heard is a recording or a strip that was read. It is not changed.
type heard struct {
	id      string
	by      *model[*recogniser]
	x       seqread.Emissions
	classes []int  // that were read
	sound   []byte // a WAV file; nil for strips
	answer  heardAnswer
	size    int // bytes
}

// shelfOfHeard are those that were read or used last, the latest last.
type shelfOfHeard struct {
	mu   sync.Mutex
	kept []*heard
	size int
}

// add keeps one.
func (k *shelfOfHeard) add(h *heard) {
	h.id = rand.Text()
	h.answer.ID = h.id
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, h)
	k.size += h.size
	for len(k.kept) > heardMost || k.size > heardBytes && len(k.kept) > 1 {
		k.size -= k.kept[0].size
		k.kept = slices.Delete(k.kept, 0, 1)
	}
}

// of finds what a request names, and counts that as use.
func (k *shelfOfHeard) of(r *http.Request) (*heard, error) {
	id := r.PathValue("id")
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.kept, func(h *heard) bool { return h.id == id })
	if i < 0 {
		return nil, wire.Absent("nothing that was read is %.40q any more; %d are kept at most: send the file again", id, heardMost)
	}
	h := k.kept[i]
	k.kept = append(slices.Delete(k.kept, i, i+1), h)
	return h, nil
}

func (s *service) heardAgain(w http.ResponseWriter, r *http.Request) error {
	h, err := s.heard.of(r)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, h.answer)
	return nil
}

func (s *service) sound(w http.ResponseWriter, r *http.Request) error {
	h, err := s.heard.of(r)
	if err != nil {
		return err
	}
	if h.sound == nil {
		return wire.Absent("a strip has no sound")
	}
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(h.sound) // a client that has gone does not hear it
	return nil
}
