package mapped_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/internal/mapped"
)

// TestScattered: bytes are the same after the system was told how they are read, whatever part of the file they are.
func TestScattered(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789"), 3000)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, want, 0o666); err != nil {
		t.Fatal(err)
	}
	data, unmap, err := mapped.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unmap()
	for _, some := range [][]byte{data, data[:5], data[7:], data[29000:], nil} {
		mapped.Scattered(some)
	}
	if !bytes.Equal(data, want) {
		t.Error("the bytes are others")
	}
}
