package weaviate

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Schemes of addresses.
const (
	scheme    = "weaviate://"
	schemeTLS = "weaviates://"
)

// Bounds of what an address may ask for.
const (
	maxReplicas = 100
	maxShards   = 10_000
)

// location is an address that was read.
type location struct {
	hosts    []string // each with http:// or https://
	class    string
	writes   string // ALL, QUORUM or ONE
	replicas int
	shards   int
	graph    string // "hnsw" or "flat"
}

// className is what Weaviate takes as a name without changing it.
var className = regexp.MustCompile(`^[A-Z][_0-9A-Za-z]{0,230}$`)

// IsAddress tells whether an index is named as one on a server is.
func IsAddress(s string) bool {
	return strings.HasPrefix(s, scheme) || strings.HasPrefix(s, schemeTLS)
}

// parseAddress reads an address. The package url does not take several hosts, so they are cut
// apart here.
func parseAddress(address string) (*location, error) {
	rest, tls := strings.CutPrefix(address, schemeTLS)
	rest, plain := strings.CutPrefix(rest, scheme)
	if !tls && !plain {
		return nil, fmt.Errorf("weaviate: address %q must begin with %s or %s", excerpt.Of(redact(address)), scheme, schemeTLS)
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, class, _ := strings.Cut(rest, "/")
	a := &location{class: class, writes: "ALL", graph: "hnsw"}
	if strings.Contains(hosts, "@") {
		return nil, errors.New("weaviate: the address has a user or a key before an @; a key is taken from the environment variable WEAVIATE_API_KEY")
	}
	if !className.MatchString(class) {
		return nil, fmt.Errorf("weaviate: class %q of the address must be a capital and then letters, digits and underscores, at most 231", excerpt.Of(class))
	}
	if err := a.parameters(query, &tls); err != nil {
		return nil, err
	}
	for host := range strings.SplitSeq(hosts, ",") {
		to := "http://" + host
		if tls {
			to = "https://" + host
		}
		u, err := url.Parse(to)
		if err != nil || u.Hostname() == "" || u.Host != host {
			return nil, fmt.Errorf("weaviate: the address's host is %q; it must be HOST:PORT", excerpt.Of(host))
		}
		a.hosts = append(a.hosts, to)
	}
	return a, nil
}

// parameters reads what is behind the question mark.
func (a *location) parameters(query string, tls *bool) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("weaviate: parameters of the address: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		value := v[len(v)-1]
		switch name {
		case "tls":
			*tls, err = strconv.ParseBool(value)
		case "replicas":
			a.replicas, err = between(value, maxReplicas)
		case "shards":
			a.shards, err = between(value, maxShards)
		case "writes":
			a.writes = strings.ToUpper(value)
			err = among(value, "all", "quorum", "one")
		case "index":
			a.graph = value
			err = among(value, "hnsw", "flat")
		default:
			err = errors.New("there is no such parameter; there are tls, writes, replicas, shards and index")
		}
		if err != nil {
			return fmt.Errorf("weaviate: parameter %s=%s of the address: %w", name, value, err)
		}
	}
	return nil
}

// between reads a whole number from 1 to most.
func between(value string, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("it must be a whole number from 1 to %d", most)
	}
	return n, nil
}

// among refuses a value that is not one of those allowed.
func among(value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("it must be one of %s", strings.Join(allowed, ", "))
}

// redact takes out what is before an @, which may be a key.
func redact(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "…" + address[i:]
	}
	return address
}
