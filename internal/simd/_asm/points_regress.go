package main

var regressLosses = []pointLoss{
	{"mse", "(a − b)²", 2, "a", "ab", 4, mseBody},
}

func mseBody(f *pointFrame) func(a, b, c vec) pointTerms {
	sign := f.bits(signBit)
	return func(a, b, _ vec) pointTerms {
		r := f.sub(a, b)
		t := pointTerms{l: f.mul(r, r), da: f.add(r, r)}
		if f.wants('b') {
			t.db = f.xor(t.da, sign)
		}
		return t
	}
}
