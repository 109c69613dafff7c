package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/search"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve WHAT", Short: "Answer over HTTP",
	}
	return group(cmd, "energo serve: there is no %[1]q to serve%[2]s", newServeSearch())
}

func newServeSearch() *cobra.Command {
	var run, listen string
	var frame serve.Options
	o := search.Options{Private: collection.PrivateFields}
	cmd := &cobra.Command{
		Use: "search INDEX", Short: "Serve an index: a page to draw on, and JSON over HTTP", Args: exactly("the index"),
		Long: `Answers searches in an index, and changes of it, as JSON over HTTP, with a page at / to draw a digit or to drop a
picture on:

  POST   /v1/search        a picture as the body, or {"vector":[…]}, {"image":"base64"}, {"id":"…"} or {"like":[…]};
                           k, offset, within, filter; /v1/search/batch takes several queries
  GET    /v1/items         items that pass a filter, a part at a time
  POST   /v1/items         {"items":[{"id","label","fields","vector" or "image"}…]}, or a picture and ?id=
  POST   /v1/items/delete  {"ids":[…]} or {"filter":…}
  GET    /v1/items/ID      also PATCH and DELETE; ID is percent-encoded, slashes as %2F
  GET    /v1/thumb/ID      its picture, made small; /v1/picture/ID as large as a screen
  GET    /v1/values        labels and fields, counted
  GET    /v1/info, /healthz, /readyz, /metrics (Prometheus), /openapi.json (OpenAPI 3.1)

Without an encoder, remembered by the index or named by --run, it takes vectors alone. By default it listens
on this machine only: it asks nobody who they are. An interrupt finishes the requests under way and then ends it.`,
		Example: `  energo serve search Pictures.index
  energo serve search runs/search-triplet-1/index
  curl --data-binary @seven.png -H 'Content-Type: image/png' 'http://127.0.0.1:8080/v1/search?k=5'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkLimits(&frame.Limits, &o); err != nil {
				return err
			}
			if err := refuseVoid(cmd, []rule{{"max-batch", !o.ReadOnly, "with --read-only no items are added"}}); err != nil {
				return err
			}
			return serveSearch(cmd, args[0], run, listen, frame, o)
		},
	}
	f := cmd.Flags()
	madeByFlag(f, &run)
	f.StringVar(&listen, "listen", "127.0.0.1:8080", "`address` to listen on; port 0 is any that is free")
	f.BoolVar(&o.ReadOnly, "read-only", false, "refuse to add and delete items; another process may then change the index, which is seen here after a new start")
	f.StringArrayVar(&frame.Hosts, "host", nil, "`name` by which browsers may address the server, besides localhost and addresses in figures; may be given again")
	f.Int64Var(&frame.Limits.Body, "max-body", 16<<20, "`bytes` of a request")
	f.Int64Var(&frame.Limits.Memory, "memory", 0, "`bytes` that all requests hold together: bodies, answers, pictures being decoded (default 512 MiB, or what the largest body takes)")
	f.IntVar(&frame.Limits.Pixels, "max-pixels", data.MaxPicturePixels, "`pixels` of a picture")
	f.IntVar(&o.K, "max-k", 1000, "hits of a search")
	f.IntVar(&o.Batch, "max-batch", 1000, "items added by a request")
	f.IntVar(&frame.Limits.Requests, "max-requests", 128, "requests worked on at once; more are refused with status 429")
	return cmd
}

// checkLimits refuses limits below 1.
func checkLimits(l *serve.Limits, o *search.Options) error {
	for _, v := range []struct {
		flag  string
		value int64
	}{{"max-body", l.Body}, {"max-pixels", int64(l.Pixels)}, {"max-k", int64(o.K)}, {"max-batch", int64(o.Batch)}, {"max-requests", int64(l.Requests)}} {
		if v.value < 1 {
			return usagef("--%s is %d; it must be above 0", v.flag, v.value)
		}
	}
	if l.Memory < 0 {
		return usagef("--memory is %d; it must be above 0, or 0 for its default", l.Memory)
	}
	if o.K > index.MaxK {
		return usagef("--max-k is %d; an index gives at most %d hits", o.K, index.MaxK)
	}
	return nil
}

// serveSearch serves an index until it is told to stop.
func serveSearch(cmd *cobra.Command, name, run, listen string, frame serve.Options, o search.Options) error {
	ctx, warn := cmd.Context(), cmd.ErrOrStderr()
	x, err := openIndex(cmd, name, !o.ReadOnly)
	if err != nil {
		return err
	}
	encoder, m, err := encoderOf(ctx, x, name, run)
	switch {
	case err == nil:
		o.Encoder = encoder
	case errors.Is(err, errNoRun):
		fmt.Fprintln(warn, "energo: nobody says which encoder made the vectors (--run), so only vectors are taken")
	default:
		return errors.Join(err, x.Close())
	}
	g := collection.Gallery{Memory: m}
	o.Picture = func(ctx context.Context, item index.Item) (serve.Picture, error) { return g.Picture(ctx, item) }
	o.Index, frame.Log = x, slog.New(slog.NewTextHandler(warn, nil))
	return errors.Join(listenAndServe(ctx, cmd, listen, frame, o), x.Close())
}

func listenAndServe(ctx context.Context, cmd *cobra.Command, listen string, frame serve.Options, o search.Options) error {
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" && net.ParseIP(host) == nil {
		frame.Hosts = append(frame.Hosts, host)
	}
	s, err := serve.New(ctx, frame)
	if err != nil {
		return err
	}
	if err := search.Mount(ctx, s, o); err != nil {
		s.Close()
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		s.Close()
		return usagef("--listen: %w", err)
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		can := "search and change the index"
		if o.ReadOnly {
			can = "search the index"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: warning: whoever reaches %s can %s, and see its pictures made small; nobody is asked for a password\n", l.Addr(), can)
	}
	info, err := o.Index.Info(ctx)
	if err != nil {
		s.Close()
		return errors.Join(err, l.Close())
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s at http://%s/ (interrupt to stop)\n", counted(info.Len, "item", "items"), l.Addr())
	return s.Serve(ctx, l)
}
