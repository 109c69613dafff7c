package tensor

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/energo-ml/energo/internal/excerpt"
)

// A file of ours carries a digest of itself as the first entry of its metadata, so that
// its digits stand at one place. What stands before them says that there is one, and is
// long: a file that begins with most of it is ours, and damaged if that is not all of it.
const (
	digestKey  = "energo.digest"
	digestText = "xxh64 of the file with these digits as zeros: "
	opening    = `{"` + metadataKey + `":{"` + digestKey + `":"` + digestText
	noDigest   = "0000000000000000"
)

// ErrDamaged is behind the error about a file whose digest is not that of its bytes.
var ErrDamaged = errors.New("the file is damaged")

// sealed reports whether a header begins as those of ours do, in most of its bytes: other
// programs' headers share the name of the metadata alone.
func sealed(head []byte) bool {
	same := 0
	for i := range min(len(head), len(opening)) {
		if head[i] == opening[i] {
			same++
		}
	}
	return same > len(opening)/2
}

// checkDigest holds the digest of a file with a sealed header against its bytes.
func checkDigest(data []byte) error {
	const at = 8 + len(opening)
	if len(data) < at+len(noDigest) {
		return fmt.Errorf("safetensors: %w: it ends at byte %d, within its digest", ErrDamaged, len(data))
	}
	before, rest := data[:at], data[at:]
	h := xxhash.New()
	_, _ = h.Write(before)
	_, _ = h.WriteString(noDigest)
	_, _ = h.Write(rest[len(noDigest):])
	said, is := string(rest[:len(noDigest)]), digits(h)
	if said != is {
		return fmt.Errorf("safetensors: %w: its digest is %q, and that of its bytes is %q", ErrDamaged, said, is)
	}
	return nil
}

func digits(h *xxhash.Digest) string { return fmt.Sprintf("%016x", h.Sum64()) }

// checkUnsealed refuses the metadata of a file without a sealed header that have a
// digest all the same, in another place.
func checkUnsealed(metadata map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		v := metadata[k]
		if k == digestKey || strings.HasPrefix(v, digestText) {
			return fmt.Errorf("safetensors: %w, or another program copied its metadata: the entry %q: %q is a digest, but not the first entry; a program that writes such a file anew must leave it out", ErrDamaged, excerpt.Of(k), excerpt.Of(v))
		}
	}
	return nil
}

// Outline is a safetensors file of one tensor whose elements the caller writes, so that
// they need never be in memory together. They are written to it first, which only
// takes their digest; what Header returns then stands before them in the file.
type Outline struct {
	head []byte // with zeros for the digest
	hash *xxhash.Digest
}

// NewOutline begins the outline of a file with a tensor of that type and shape. Errors
// are those of Encode.
func NewOutline(metadata map[string]string, name string, dt DType, shape ...int) (*Outline, error) {
	n, err := volume(shape)
	if err != nil {
		return nil, fmt.Errorf("safetensors: tensor %q: %w", excerpt.Of(name), err)
	}
	if err := checkNames(metadata, name); err != nil {
		return nil, err
	}
	head, err := header(metadata, []entry{place(name, dt, shape, n, 0)})
	if err != nil {
		return nil, err
	}
	o := &Outline{head: head, hash: xxhash.New()}
	_, _ = o.hash.Write(head)
	return o, nil
}

// Write takes the next elements, little-endian. It never fails.
func (o *Outline) Write(elements []byte) (int, error) { return o.hash.Write(elements) }

// Header returns the bytes of the file before the elements, which must all have been
// written to o.
func (o *Outline) Header() []byte {
	head := bytes.Clone(o.head)
	copy(head[8+len(opening):], digits(o.hash))
	return head
}
