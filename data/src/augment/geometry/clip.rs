//! Cutting polygons off at straight lines (I. Sutherland and G. Hodgman, 1974).

/// What of an outline lies where `ax + by + c ≥ 0`. Pieces that come apart stay joined by lines along the cut, which enclose nothing.
pub(super) fn half_plane(points: &[[f64; 2]], [a, b, c]: [f64; 3]) -> Vec<[f64; 2]> {
    let side = |[x, y]: [f64; 2]| a * x + b * y + c;
    let mut out = Vec::with_capacity(points.len() + 2);
    let previous = points.iter().cycle().skip(points.len().saturating_sub(1));
    for (&from, &to) in previous.zip(points) {
        let (before, after) = (side(from), side(to));
        if (before < 0.0) != (after < 0.0) {
            let t = before / (before - after);
            out.push([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])]);
        }
        if after >= 0.0 {
            out.push(to);
        }
    }
    out
}

/// What of an outline lies in a picture of `[height, width]`.
pub(super) fn picture(points: Vec<[f64; 2]>, [height, width]: [usize; 2]) -> Vec<[f64; 2]> {
    let (width, height) = (width as f64, height as f64);
    if points.iter().all(|[x, y]| (0.0..=width).contains(x) && (0.0..=height).contains(y)) {
        return points;
    }
    let edges = [[1.0, 0.0, 0.0], [-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, -1.0, height]];
    let cut = edges.iter().fold(points, |points, &edge| half_plane(&points, edge));
    // A cut is on its edge but for rounding.
    cut.into_iter().map(|[x, y]| [x.clamp(0.0, width), y.clamp(0.0, height)]).collect()
}

/// An outline with points added so that no edge is longer than `longest`; at most 2¹⁶ for each edge.
pub(super) fn subdivided(points: &[[f64; 2]], longest: f64) -> Vec<[f64; 2]> {
    if longest == f64::INFINITY {
        return points.to_vec();
    }
    let next = points.iter().cycle().skip(1);
    let mut out = Vec::with_capacity(points.len());
    for ([x, y], [u, v]) in points.iter().zip(next) {
        let pieces = ((u - x).hypot(v - y) / longest).ceil().clamp(1.0, 65536.0) as usize;
        out.extend((0..pieces).map(|i| {
            let t = i as f64 / pieces as f64;
            [x + t * (u - x), y + t * (v - y)]
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::Polygon;

    #[test]
    fn pictures_cut_squares() {
        let square = |low: f64, high: f64| vec![[low, low], [high, low], [high, high], [low, high]];
        assert_eq!(picture(square(1.0, 3.0), [4, 4]), square(1.0, 3.0));
        let corner = picture(square(-2.0, 2.0), [4, 5]);
        assert_eq!(Polygon::new(corner).unwrap().area(), 4.0);
        assert!(picture(square(6.0, 8.0), [4, 5]).is_empty());
        assert!(picture(vec![], [4, 5]).is_empty());
        // A comb whose teeth come apart.
        let comb =
            vec![[0.0, -3.0], [5.0, -3.0], [5.0, 2.0], [4.0, 2.0], [4.0, -1.0], [1.0, -1.0], [1.0, 2.0], [0.0, 2.0]];
        assert_eq!(Polygon::new(picture(comb, [4, 5])).unwrap().area(), 4.0);
    }

    #[test]
    fn subdivision_keeps_the_outline() {
        let triangle = vec![[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]];
        let fine = subdivided(&triangle, 1.0);
        assert_eq!(fine.len(), 4 + 5 + 3);
        assert!((Polygon::new(fine).unwrap().area() - 6.0).abs() < 1e-12);
        assert_eq!(subdivided(&triangle, f64::INFINITY), triangle);
    }
}
