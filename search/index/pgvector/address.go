package pgvector

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// schemes are what an address may begin with.
var schemes = []string{"postgres://", "postgresql://"}

// location is an address that was read.
type location struct {
	config *pgxpool.Config
	table  pgx.Identifier // with its schema, if that is named
	graph  bool
	m, ef  int // of the graph; 0 is the server's default
}

// tableName is one that PostgreSQL takes without changing it, and a schema's before it.
var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// IsAddress tells whether an index is named as one on a server is.
func IsAddress(s string) bool {
	return slices.ContainsFunc(schemes, func(scheme string) bool { return strings.HasPrefix(s, scheme) })
}

// errPassword is for an address that would show a password to all who see the command line or the messages.
var errPassword = errors.New("pgvector: the address has a password; it is taken from the environment variable PGPASSWORD or from the file that PGPASSFILE names")

// parseAddress reads an address. No error quotes it as a whole, since it may hold a password.
func parseAddress(address string) (*location, error) {
	if !IsAddress(address) {
		return nil, fmt.Errorf("pgvector: an address must begin with %s", strings.Join(schemes, " or "))
	}
	// The package url does not take several hosts; the parameters are cut off first.
	rest, query, _ := strings.Cut(address, "?")
	if at := strings.LastIndex(rest, "@"); at >= 0 && strings.Count(rest[:at], ":") > 1 {
		return nil, errPassword
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("pgvector: the parameters of the address cannot be read; want NAME=VALUE with & between them")
	}
	if values.Has("password") {
		return nil, errPassword
	}
	a := &location{}
	if err := a.take(values); err != nil {
		return nil, err
	}
	if query = values.Encode(); query != "" {
		rest += "?" + query
	}
	if a.config, err = pgxpool.ParseConfig(rest); err != nil {
		return nil, fmt.Errorf("pgvector: the address: %w", err)
	}
	if !values.Has("default_query_exec_mode") {
		// A statement is planned with its values: a plan for any filter may not use the graph for one that it fits.
		a.config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return a, nil
}

// take reads what is ours of the parameters, and removes it.
func (a *location) take(values url.Values) error {
	name := values.Get("table")
	if !tableName.MatchString(name) {
		return fmt.Errorf("pgvector: parameter table=%s of the address must be letters, digits and underscores, at most 63, and may have a schema and a dot before it", excerpt.Of(name))
	}
	a.table = strings.Split(name, ".")
	switch how := values.Get("index"); how {
	case "", "exact":
	case "hnsw":
		a.graph = true
	default:
		return fmt.Errorf("pgvector: parameter index=%s of the address must be exact or hnsw", excerpt.Of(how))
	}
	for _, p := range []struct {
		name      string
		to        *int
		low, high int
	}{{"m", &a.m, 2, 100}, {"ef_construction", &a.ef, 4, 1000}} {
		if !values.Has(p.name) {
			continue
		}
		n, err := strconv.Atoi(values.Get(p.name))
		switch {
		case !a.graph:
			return fmt.Errorf("pgvector: parameter %s of the address is for index=hnsw only", p.name)
		case err != nil || n < p.low || n > p.high:
			return fmt.Errorf("pgvector: parameter %s=%s of the address must be a whole number from %d to %d", p.name, excerpt.Of(values.Get(p.name)), p.low, p.high)
		}
		*p.to = n
	}
	if least := 2 * orDefault(a.m, defaultM); a.graph && orDefault(a.ef, defaultEf) < least {
		return fmt.Errorf("pgvector: parameter ef_construction of the address must be at least %d, twice m", least)
	}
	for _, name := range []string{"table", "index", "m", "ef_construction"} {
		values.Del(name)
	}
	return nil
}

// What the server takes where an address does not say otherwise.
const (
	defaultM  = 16
	defaultEf = 64
)
