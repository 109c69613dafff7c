package surface

// Axis returns n places from lo to hi, both included, evenly.
func Axis(n int, lo, hi float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = lo + (hi-lo)*float64(i)/float64(n-1)
	}
	return x
}

// Places returns the places whose coordinates follow each other, two by two; nil for none.
func Places[E float32 | float64](coordinates []E) [][2]float64 {
	if len(coordinates) == 0 {
		return nil
	}
	out := make([][2]float64, len(coordinates)/2)
	for i := range out {
		out[i] = [2]float64{float64(coordinates[2*i]), float64(coordinates[2*i+1])}
	}
	return out
}

// Single returns energies in single precision, as frames have them.
func Single(e []float64) []float32 {
	out := make([]float32, len(e))
	for i, v := range e {
		out[i] = float32(v)
	}
	return out
}
