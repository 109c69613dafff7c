package report

import (
	"testing"
	"time"
)

func TestDemo(t *testing.T) {
	f := newFake()
	d := f.write(t)
	b := time.Now()
	if err := Write(d, blobs(28, 28)); err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(b))
}
