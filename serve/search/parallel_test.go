package search

import (
	"fmt"
	"sync"
	"testing"
)

// Many clients that search, add, delete, look and err at once get what each should.
func TestParallel(t *testing.T) {
	o := options(onDisk(t))
	o.Limits.Requests = 1000
	_, at := start(t, o)
	file := pngOf(t, board(16, 0, 255, 0, 0))
	var all sync.WaitGroup
	for c := range 8 {
		all.Go(func() {
			for i := range 6 {
				id := fmt.Sprintf("new-%d-%d", c, i)
				v := fmt.Sprintf("[%d,%d,7,7]", 100+c, 100+i)
				if r := send(t, "POST", at+"/v1/items", "application/json", []byte(`{"items":[{"id":"`+id+`","vector":`+v+`}]}`)); r.status != 200 {
					t.Errorf("add: %v", r)
				}
				if got := send(t, "POST", at+"/v1/search", "application/json", []byte(`{"k":1,"vector":`+v+`}`)).hits(t); got[0] != id {
					t.Errorf("%s is not found where it was put, but %v", id, got)
				}
				if got := send(t, "POST", at+"/v1/search?k=1", "image/png", file).hits(t); got[0] != "set/1.png" {
					t.Errorf("the picture is like %v", got)
				}
				if r := send(t, "POST", at+"/v1/search", "application/json", []byte(`{"vector":[1,2,3]}`)); r.status != 422 {
					t.Errorf("short vector: %v", r)
				}
				if r := send(t, "GET", at+"/v1/thumb/set%2F0.png", "", nil); r.status != 200 {
					t.Errorf("thumbnail: %v", r)
				}
				if i%2 == 0 {
					if r := send(t, "DELETE", at+"/v1/items/"+id, "", nil); r.status != 200 {
						t.Errorf("delete: %v", r)
					}
				}
			}
		})
	}
	all.Wait()
	info, err := o.Index.Info(t.Context())
	if want := 4 + 8*3; err != nil || info.Len != want {
		t.Errorf("%d items are left (%v), want %d", info.Len, err, want)
	}
}
