// Real spherical harmonics of a direction, in the order and with the signs of the reference.
#pragma once
#include <cmath>

namespace nf {

class Harmonics {
public:
    static constexpr int MOST = 8;  // bands

    explicit Harmonics(int degree) : degree_(degree) {
        for (int l = 0; l < degree; l++)
            for (int m = 0; m <= l; m++) {
                double square = (2 * l + 1) / (4 * PI) * (m ? 2 : 1);
                for (int k = l - m + 1; k <= l + m; k++) square /= k;
                factor_[l][m] = float((m % 2 ? -1 : 1) * std::sqrt(square));
            }
    }

    // to [degree^2]
    void operator()(const float* direction, float* to) const {
        const float x = direction[0], y = direction[1], z = direction[2];
        float cosine = 1, sine = 0, first = 1;
        for (int m = 0; m < degree_; m++) {
            float before = 0, legendre = first;
            for (int l = m; l < degree_; l++) {
                const float value = legendre * factor_[l][m];
                to[l * (l + 1) + m] = value * cosine;
                if (m) to[l * (l + 1) - m] = value * sine;
                const float next = (float(2 * l + 1) * z * legendre - float(l + m) * before) / float(l + 1 - m);
                before = legendre;
                legendre = next;
            }
            const float turned = x * cosine - y * sine;
            sine = x * sine + y * cosine;
            cosine = turned;
            first *= float(2 * m + 1);
        }
    }

private:
    static constexpr double PI = 3.14159265358979323846;

    int degree_;
    float factor_[MOST][MOST] = {};
};

}  // namespace nf
