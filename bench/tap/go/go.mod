module meshloom/bench/tap

go 1.21
