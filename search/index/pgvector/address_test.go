package pgvector

import (
	"slices"
	"strings"
	"testing"
)

// TestParseAddress reads addresses and refuses what is not one, without a word of what may be a password.
func TestParseAddress(t *testing.T) {
	for address, want := range map[string]location{
		"postgres://u@h/d?table=t":                                      {table: []string{"t"}},
		"postgresql://h:5433/d?table=s.t&index=exact":                   {table: []string{"s", "t"}},
		"postgres://u@h1:1,h2:2/d?table=T_1&index=hnsw&sslmode=disable": {table: []string{"T_1"}, graph: true},
		"postgres://h/d?table=t&index=hnsw&m=8&ef_construction=32":      {table: []string{"t"}, graph: true, m: 8, ef: 32},
	} {
		got, err := parseAddress(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if !slices.Equal(got.table, want.table) || got.graph != want.graph || got.m != want.m || got.ef != want.ef {
			t.Errorf("%s is %+v; want %+v", address, got, want)
		}
		if c := got.config.ConnConfig; c.Database != "d" || strings.Contains(address, "u@") && c.User != "u" || len(c.RuntimeParams) > 0 {
			t.Errorf("%s: database %q, user %q, parameters %v", address, c.Database, c.User, c.RuntimeParams)
		}
	}
	for address, why := range map[string]string{
		"":                                                     "must begin with",
		"mysql://u:secret@h/d?table=t":                         "must begin with",
		"postgres://u:secret@h/d?table=t":                      "PGPASSWORD",
		"postgres://u:sec@ret@h/d?table=t":                     "PGPASSWORD",
		"postgres://h/d?table=t&password=x":                    "PGPASSWORD",
		"postgres://h/d":                                       "parameter table",
		"postgres://h/d?table=":                                "parameter table",
		"postgres://h/d?table=a.b.c":                           "parameter table",
		`postgres://h/d?table=t"; DROP`:                        "parameters of the address",
		"postgres://h/d?table=t%22x":                           "parameter table",
		"postgres://h/d?table=t&index=ivf":                     "exact or hnsw",
		"postgres://h/d?table=t&m=8":                           "index=hnsw only",
		"postgres://h/d?table=t&index=hnsw&m=1":                "2 to 100",
		"postgres://h/d?table=t&index=hnsw&ef_construction=x":  "4 to 1000",
		"postgres://h/d?table=t&index=hnsw&m=40":               "at least 80",
		"postgres://h/d?table=t&index=hnsw&ef_construction=20": "at least 32",
		"postgres://h/d?table=t&pool_max_conns=none":           "pool_max_conns",
		"postgres://h:port/d?table=t":                          "the address",
	} {
		_, err := parseAddress(address)
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v; want an error about %q", address, err, why)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("postgres://u@h:1,[::1]:2/d?table=s.t&index=hnsw&m=8")
	f.Add("postgresql://a:b@h/d?table=t")
	f.Fuzz(func(t *testing.T, address string) {
		a, err := parseAddress(address)
		if err != nil {
			return
		}
		if name := strings.Join(a.table, "."); !tableName.MatchString(name) || a.config == nil || !a.graph && a.m+a.ef > 0 {
			t.Errorf("%q is %+v", address, a)
		}
	})
}

// TestText keeps every text, and their order.
func TestText(t *testing.T) {
	texts := []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00a", "\x01", "\x01\x00", "\x01\x01", "\x01\x02", "\x02", "a", "a\x00", "a\x01b", "ä"}
	for i, s := range texts {
		if got := restored(stored(s)); got != s || strings.Contains(stored(s), "\x00") {
			t.Errorf("%q is stored as %q and comes back as %q", s, stored(s), got)
		}
		for _, later := range texts[i+1:] {
			if stored(s) >= stored(later) {
				t.Errorf("%q and %q have another order as %q and %q", s, later, stored(s), stored(later))
			}
			if strings.HasPrefix(later, s) != strings.HasPrefix(stored(later), stored(s)) {
				t.Errorf("%q begins with %q differently when stored", later, s)
			}
		}
	}
}
