// kokkos_solver.cpp - a conjugate-gradient solver of Kokkos' kind, which knows nothing of the
// library. trials.py runs it with examples/tools/annotations.cpp as its tool.
#include <Kokkos_Core.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>

using view = Kokkos::View<double*>;

static double dot(const view& a, const view& b) {
    double sum = 0;
    Kokkos::parallel_reduce(
        "dot", a.extent(0), KOKKOS_LAMBDA(int i, double& s) { s += a(i) * b(i); }, sum);
    return sum;
}

static void axpy(double f, const view& x, const view& y) {
    Kokkos::parallel_for(
        "axpy", x.extent(0), KOKKOS_LAMBDA(int i) { y(i) += f * x(i); });
}

static void laplace(int n, const view& x, const view& y) {
    Kokkos::parallel_for(
        "laplace", n * n, KOKKOS_LAMBDA(int k) {
            const int i = k / n, j = k % n;
            double v = 4 * x(k);
            if (i > 0) v -= x(k - n);
            if (i + 1 < n) v -= x(k + n);
            if (j > 0) v -= x(k - 1);
            if (j + 1 < n) v -= x(k + 1);
            y(k) = v;
        });
}

int main(int argc, char** argv) {
    Kokkos::initialize(argc, argv);
    {
        const int n = 700, steps = argc > 1 ? std::atoi(argv[1]) : 150;
        view b("b", n * n), x("x", n * n), r("r", n * n), p("p", n * n), q("q", n * n);
        Kokkos::Profiling::pushRegion("setup");
        Kokkos::deep_copy(b, 1.0);
        Kokkos::deep_copy(r, b);
        Kokkos::deep_copy(p, r);
        Kokkos::Profiling::popRegion();
        Kokkos::Profiling::pushRegion("solve");
        Kokkos::Timer timer;
        double rr = dot(r, r);
        for (int i = 0; i < steps; ++i) {
            laplace(n, p, q);
            const double alpha = rr / dot(p, q);
            axpy(alpha, p, x);
            axpy(-alpha, q, r);
            const double next = dot(r, r), beta = next / rr;
            Kokkos::parallel_for(
                "update", n * n, KOKKOS_LAMBDA(int k) { p(k) = r(k) + beta * p(k); });
            rr = next;
        }
        const double t = timer.seconds();
        Kokkos::Profiling::popRegion();
        std::printf("residual %.3e, %d steps in %.3f s\n", std::sqrt(rr), steps, t);
    }
    Kokkos::finalize();
}
