package speech

import (
	"time"

	"github.com/energo-ml/energo/serve"
	"github.com/prometheus/client_golang/prometheus"
)

// The kinds of work that are counted.
const (
	kindTranscription = "transcription"
	kindAlignment     = "alignment"
	kindStream        = "stream"
)

// metrics counts what the models do, for Prometheus.
type metrics struct {
	seconds *prometheus.HistogramVec // of a model on a recording, or a piece of a stream
	sound   *prometheus.CounterVec   // seconds
	behind  prometheus.Histogram
	held    prometheus.GaugeFunc
	streams prometheus.Gauge
}

func newMetrics(s *Service) *metrics {
	kind := []string{"kind"}
	m := &metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "energo_speech_seconds", Help: "Time of a model on a recording, or on a piece of a stream.", Buckets: serve.Buckets}, kind),
		sound:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "energo_speech_sound_seconds_total", Help: "Sound that was read."}, kind),
		behind:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "energo_speech_stream_wait_seconds", Help: "Time for which the first samples of a piece of a stream waited for its work to begin.", Buckets: serve.Buckets}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "energo_speech_streams", Help: "Streams that are open."}),
	}
	m.held = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "energo_speech_decoding", Help: "Recordings that are being decoded."}, func() float64 { return float64(len(s.decodes)) })
	return m
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.seconds, m.sound, m.behind, m.held, m.streams}
}

// ran counts sound that is read from now on until the returned function is called.
func (m *metrics) ran(kind string, sound time.Duration) func() {
	start := time.Now()
	return func() {
		m.seconds.WithLabelValues(kind).Observe(time.Since(start).Seconds())
		m.sound.WithLabelValues(kind).Add(sound.Seconds())
	}
}
