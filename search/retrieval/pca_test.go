package retrieval

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// TestPCA compares with gonum's, which goes by singular values.
func TestPCA(t *testing.T) {
	const n, dim, k = 2500, 7, 3
	x, _ := blobs(n, dim, 4, 0.7)
	for i := range x {
		x[i] += 100 // which must not matter
	}
	p, err := PCA(x, dim, k)
	if err != nil {
		t.Fatal(err)
	}
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	var pc stat.PC
	if !pc.PrincipalComponents(mat.NewDense(n, dim, wide), nil) {
		t.Fatal("gonum did not converge")
	}
	vars, total := pc.VarsTo(nil), 0.0
	for _, v := range vars {
		total += v
	}
	var axes mat.Dense
	pc.VectorsTo(&axes)
	for i := range k {
		if math.Abs(p.Variance[i]-vars[i]) > 1e-9*total || math.Abs(p.Share[i]-vars[i]/total) > 1e-9 {
			t.Errorf("axis %d: variance %v, share %v; want %v, %v", i, p.Variance[i], p.Share[i], vars[i], vars[i]/total)
		}
		axis, cosine := p.Axes[i*dim:][:dim], 0.0
		for j, v := range axis {
			cosine += v * axes.At(j, i)
		}
		if math.Abs(math.Abs(cosine)-1) > 1e-9 {
			t.Errorf("axis %d is turned: cosine %v", i, cosine)
		}
		if top := slices.MaxFunc(axis, func(a, b float64) int { return int(math.Copysign(1, math.Abs(a)-math.Abs(b))) }); top < 0 {
			t.Errorf("axis %d points the other way: %v", i, axis)
		}
	}
	checkProjection(t, p, x, dim, k)
}

// checkProjection wants the coordinates along an axis to have its variance, and the mean 0.
func checkProjection(t *testing.T, p *Projection, x []float32, dim, k int) {
	t.Helper()
	y, err := p.Project(x)
	if err != nil {
		t.Fatal(err)
	}
	n := len(x) / dim
	for i := range k {
		var sum, squares, one float64
		for r := range n {
			v := float64(y[r*k+i])
			sum += v
			squares += v * v
		}
		for j := range dim {
			one += (float64(x[5*dim+j]) - p.Mean[j]) * p.Axes[i*dim+j]
		}
		if math.Abs(sum/float64(n)) > 1e-5 || math.Abs(squares/float64(n-1)-p.Variance[i]) > 1e-5*p.Variance[i] || math.Abs(one-float64(y[5*k+i])) > 1e-5 {
			t.Errorf("axis %d: mean %v, variance %v, want %v; row 5 is %v, want %v", i, sum/float64(n), squares/float64(n-1), p.Variance[i], y[5*k+i], one)
		}
	}
}

// TestPCALine has all vectors on a line.
func TestPCALine(t *testing.T) {
	p, err := PCA([]float32{1, 1, 2, -1, 3, -3}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(p.Axes[0]+1/math.Sqrt(5)) > 1e-12 || math.Abs(p.Axes[1]-2/math.Sqrt(5)) > 1e-12 {
		t.Errorf("the axis is %v", p.Axes[:2])
	}
	if math.Abs(p.Share[0]-1) > 1e-12 || p.Share[1] > 1e-12 || math.Abs(p.Variance[0]-5) > 1e-12 {
		t.Errorf("shares %v, variances %v", p.Share, p.Variance)
	}
}

func TestPCAErrors(t *testing.T) {
	x := []float32{1, 2, 3, 4}
	_, err := PCA(x, 3, 1)
	wantError(t, err, "retrieval: PCA: vectors has 4")
	_, err = PCA(x, 4, 1)
	wantError(t, err, "1 rows", "2 at least")
	_, err = PCA(x, 2, 3)
	wantError(t, err, "k is 3", "from 1 to 2")
	_, err = PCA(x, 2, 0)
	wantError(t, err, "k is 0")
	_, err = PCA(make([]float32, 2*2049), 2049, 1)
	wantError(t, err, "dim is 2049", "2048")
	_, err = PCA([]float32{1, float32(math.Inf(1))}, 1, 1)
	wantError(t, err, "vectors[1]", "+Inf")
	p, err := PCA(make([]float32, 6), 2, 1) // no variance
	if err != nil || p.Share[0] != 0 || p.Variance[0] != 0 {
		t.Errorf("%v, %v", p, err)
	}
	_, err = p.Project(x[:3])
	wantError(t, err, "retrieval: Project: vectors has 3")
}
