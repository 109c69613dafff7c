package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/energo-ml/energo/serve"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// frameFlags are those of every server, whatever it serves.
type frameFlags struct {
	serve.Options
	listen     string
	log, level string
	hangUp     func()           // on SIGHUP, besides reading the files of the server again; may be nil
	opened     func(url string) // is called when the server listens, unless it is nil
}

// addListen adds where the server listens, and by which names.
func (f *frameFlags) addListen(s *pflag.FlagSet) {
	s.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` to listen on; port 0 is any that is free")
	s.StringArrayVar(&f.Hosts, "host", nil, "`name` by which browsers may address the server, besides localhost and addresses in figures; may be given again")
}

func (f *frameFlags) add(s *pflag.FlagSet) {
	f.addListen(s)
	s.Int64Var(&f.Limits.Body, "max-body", 16<<20, "`bytes` of a request")
	s.Int64Var(&f.Limits.Memory, "memory", 0, "`bytes` that all requests hold together: bodies, answers, pictures being decoded (default 512 MiB, or what the largest body takes)")
	s.IntVar(&f.Limits.Requests, "max-requests", 128, "requests worked on at once; more are refused with status 429")
	s.StringVar(&f.Tokens, "tokens", "", "`file` of tokens, one of which each request must have: energo serve token writes it; read again when it changes")
	s.StringVar(&f.TLS.Cert, "tls-cert", "", "`file` of the server's certificate and those of its issuers, in PEM, for HTTPS; read again when it changes")
	s.StringVar(&f.TLS.Key, "tls-key", "", "`file` of the certificate's private key, in PEM")
	s.StringArrayVar(&f.Origins, "cors", nil, "`origin` of other servers' pages that may send requests, as https://example.org, or * for all, which needs --tokens; may be given again")
	s.StringVar(&f.log, "log", "text", "`form` of the log on stderr: text, json or none")
	s.StringVar(&f.level, "log-level", "warn", "least `level` of the log: info has a line for each request; warn, error")
}

// levels are those of --log-level.
var levels = map[string]slog.Level{"info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// check refuses flags that are wrong, and opens the log.
func (f *frameFlags) check(cmd *cobra.Command) error {
	if f.Limits.Body < 1 {
		return usagef("--max-body is %d; it must be above 0", f.Limits.Body)
	}
	if f.Limits.Requests < 1 {
		return usagef("--max-requests is %d; it must be above 0", f.Limits.Requests)
	}
	if f.Limits.Memory < 0 {
		return usagef("--memory is %d; it must be above 0, or 0 for its default", f.Limits.Memory)
	}
	if err := refuseVoid(cmd, []rule{
		{"tls-key", f.TLS.Cert != "", "it is the key of --tls-cert"},
		{"log-level", f.log != "none", "with --log none there is no log"},
	}); err != nil {
		return err
	}
	if f.TLS.Cert != "" && f.TLS.Key == "" {
		return usagef("--tls-cert needs --tls-key, the file of its private key")
	}
	return f.openLog(cmd)
}

// openLog opens the log that the flags describe, on stderr.
func (f *frameFlags) openLog(cmd *cobra.Command) error {
	level, known := levels[f.level]
	if !known {
		return usagef("--log-level is %q; it must be info, warn or error", f.level)
	}
	o := &slog.HandlerOptions{Level: level}
	switch f.log {
	case "text":
		f.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), o))
	case "json":
		f.Log = slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), o))
	case "none":
		f.Log = slog.New(slog.DiscardHandler)
	default:
		return usagef("--log is %q; it must be text, json or none", f.log)
	}
	f.Access = f.Log
	return nil
}

// run serves until the command is interrupted. mount adds the services and says in a few words what they serve; can is what whoever
// reaches the server may do, for a warning.
func (f *frameFlags) run(ctx context.Context, cmd *cobra.Command, can string, mount func(*serve.Server) (what string, err error)) error {
	if host, _, err := net.SplitHostPort(f.listen); err == nil && host != "" && net.ParseIP(host) == nil {
		f.Hosts = append(f.Hosts, host)
	}
	s, err := serve.New(ctx, f.Options)
	if err != nil {
		return err
	}
	what, err := mount(s)
	if err != nil {
		s.Close()
		return err
	}
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		s.Close()
		return usagef("--listen: %w", err)
	}
	scheme := "http"
	if f.TLS.Cert != "" {
		scheme = "https"
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		f.warn(cmd, l.Addr(), can)
	}
	defer f.reloadOnHangUp(s)()
	url := fmt.Sprintf("%s://%s/", scheme, l.Addr())
	fmt.Fprintf(cmd.OutOrStdout(), "%s at %s (interrupt to stop)\n", what, url)
	if f.opened != nil {
		f.opened(url)
	}
	return s.Serve(ctx, l)
}

// warn says what others can do with a server that other machines reach.
func (f *frameFlags) warn(cmd *cobra.Command, at net.Addr, can string) {
	switch {
	case cmd.Flags().Lookup("tokens") == nil:
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: warning: whoever reaches %s can %s; nobody is asked who they are\n", at, can)
	case f.Tokens == "":
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: warning: whoever reaches %s can %s; nobody is asked for a token (--tokens)\n", at, can)
	case f.TLS.Cert == "":
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: warning: tokens and answers are sent to and from %s without encryption; use --tls-cert, or a proxy with TLS\n", at)
	}
}

// reloadOnHangUp has SIGHUP read files again, where there are any, instead of ending the command.
func (f *frameFlags) reloadOnHangUp(s *serve.Server) (stop func()) {
	if f.Tokens == "" && f.TLS.Cert == "" && f.hangUp == nil {
		return func() {}
	}
	signal.Ignore(syscall.SIGHUP) // which takes it from what ends commands
	hangUps, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangUps, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-hangUps:
				_ = s.Reload() // which the log has
				if f.hangUp != nil {
					f.hangUp()
				}
			case <-ended:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangUps)
		close(ended)
	}
}
