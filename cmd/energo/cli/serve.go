package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/search"
	"github.com/spf13/cobra"
)

func newServeSearch() *cobra.Command {
	var run string
	var frame frameFlags
	var b search.Bounds
	o := search.Options{Private: collection.PrivateFields}
	cmd := &cobra.Command{
		Use: "search INDEX", Short: "Serve an index: a page for people, and JSON over HTTP", Args: exactly("the index"),
		Long: `Answers searches in an index, and changes of it, as JSON over HTTP, with a page at / to look at
the pictures, and to search by dropping or drawing one:

  POST   /v1/search        a picture as the body, or {"vector":[…]}, {"image":"base64"}, {"id":"…"} or {"like":[…]};
                           {"text":"red bus"} alone or beside these; k, offset, within, filter; /v1/search/batch takes several queries
  GET    /v1/items         items that pass a filter, a part at a time
  POST   /v1/items         {"items":[{"id","label","fields","vector" or "image"}…]}, or a picture and ?id=
  POST   /v1/items/delete  {"ids":[…]} or {"filter":…}
  GET    /v1/items/ID      also PATCH and DELETE; ID is percent-encoded, slashes as %2F
  GET    /v1/thumb/ID      its picture, made small; /v1/picture/ID as large as a screen
  GET    /v1/values        labels and fields, counted; /v1/map a plane on which near items are near
  GET    /v1/info, /healthz, /readyz, /metrics (Prometheus), /openapi.json (OpenAPI 3.1)

Without an encoder, remembered by the index or named by --run, it takes no pictures. By default it listens
on this machine only, and asks nobody who they are. An interrupt finishes the requests under way and then ends it.

For other machines there are --tokens, --tls-cert and --host. With --tokens each request but those for /healthz, /readyz and the page needs
Authorization: Bearer TOKEN, of the scope read to search and to see items, figures and the description, and of the scope write to change
items. SIGHUP reads the files of tokens and of the certificate again; without such files it ends the server.`,
		Example: `  energo serve search Pictures.index
  energo serve search runs/search-triplet-1/index
  energo serve token tokens grafana --scope read
  energo serve search Pictures.index --listen :8443 --host search.example.org --tokens tokens --tls-cert cert.pem --tls-key key.pem --log-level info
  curl --data-binary @seven.png -H 'Content-Type: image/png' 'http://127.0.0.1:8080/v1/search?k=5'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkLimits(&frame.Limits, &b); err != nil {
				return err
			}
			if err := frame.check(cmd); err != nil {
				return err
			}
			if err := refuseVoid(cmd, []rule{{"max-batch", !o.ReadOnly, "with --read-only no items are added"}}); err != nil {
				return err
			}
			return serveSearch(cmd, args[0], run, frame, b, o)
		},
	}
	f := cmd.Flags()
	madeByFlag(f, &run)
	frame.add(f)
	f.BoolVar(&o.ReadOnly, "read-only", false, "refuse to add and delete items; another process may then change the index, which is seen here after a new start")
	f.IntVar(&frame.Limits.Pixels, "max-pixels", data.MaxPicturePixels, "`pixels` of a picture")
	f.IntVar(&b.K, "max-k", 1000, "hits of a search")
	f.IntVar(&b.Batch, "max-batch", 1000, "items added by a request")
	return cmd
}

// checkLimits refuses limits below 1.
func checkLimits(l *serve.Limits, b *search.Bounds) error {
	for _, v := range []struct {
		flag  string
		value int64
	}{{"max-pixels", int64(l.Pixels)}, {"max-k", int64(b.K)}, {"max-batch", int64(b.Batch)}} {
		if v.value < 1 {
			return usagef("--%s is %d; it must be above 0", v.flag, v.value)
		}
	}
	if b.K > index.MaxK {
		return usagef("--max-k is %d; an index gives at most %d hits", b.K, index.MaxK)
	}
	return nil
}

// serveSearch serves an index until it is told to stop.
func serveSearch(cmd *cobra.Command, name, run string, frame frameFlags, b search.Bounds, o search.Options) error {
	ctx := cmd.Context()
	x, err := openServed(cmd, name, run, &o)
	if err != nil {
		return err
	}
	err = frame.run(ctx, cmd, searchers(&o), func(s *serve.Server) (string, error) {
		indexes, err := search.Mount(s, b)
		if err != nil {
			return "", err
		}
		if _, err := indexes.Put(onlyIndex, o); err != nil {
			return "", err
		}
		info, err := x.Info(ctx)
		return counted(info.Len, "item", "items"), err
	})
	return errors.Join(err, x.Close())
}

// onlyIndex is the name of an index that is served alone.
const onlyIndex = "index"

// openServed opens an index to serve, and sets what of the options comes from it. Whoever asks closes it.
func openServed(cmd *cobra.Command, name, run string, o *search.Options) (index.Index, error) {
	ctx, warn := cmd.Context(), cmd.ErrOrStderr()
	x, err := openIndex(cmd, name, !o.ReadOnly)
	if err != nil {
		return nil, err
	}
	encoder, m, err := encoderOf(ctx, x, name, run)
	switch {
	case err == nil:
		o.Encoder = encoder
	case errors.Is(err, errNoRun):
		how := ""
		if cmd.Flags().Lookup("run") != nil {
			how = " (--run)"
		}
		fmt.Fprintf(warn, "energo: nobody says which encoder made the vectors of %s%s, so no pictures are taken\n", shown(name), how)
	default:
		return nil, errors.Join(err, x.Close())
	}
	g := collection.Gallery{Memory: m}
	o.Picture = func(ctx context.Context, item index.Item) (serve.Picture, error) { return g.Picture(ctx, item) }
	o.Index = x
	return x, nil
}

// searchers are what clients of an index can do.
func searchers(o *search.Options) string {
	if o.ReadOnly {
		return "search the index, and see its pictures made small"
	}
	return "search and change the index, and see its pictures made small"
}
