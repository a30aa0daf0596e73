/// A positive definite matrix, dense, with its Cholesky factor.
struct SymmetricMatrix {
  /// Rows and columns.
  let size: Int
  /// Elements, row by row.
  var elements: [Double]

  /// The lower factor `L` of `A = L · Lᵀ`, row by row; `nil` where the matrix is not positive definite.
  ///
  /// - Complexity: O(size³ / 3).
  func choleskyFactor() -> [Double]? {
    var l = elements
    let n = size
    let succeeded = l.withUnsafeMutableBufferPointer { buffer -> Bool in
      guard let a = buffer.baseAddress else { return true }
      for j in 0..<n {
        let pivot = a[j * n + j]
        guard pivot > 0, pivot.isFinite else { return false }
        let root = pivot.squareRoot()
        // Column j lies in row j of the upper half, where it is contiguous.
        for i in j..<n { a[j * n + i] /= root }
        for i in j + 1..<max(n, j + 1) {
          let factor = a[j * n + i]
          if factor == 0 { continue }
          for k in i..<n { a[i * n + k] -= factor * a[j * n + k] }
        }
      }
      for i in 0..<n {
        for j in 0..<i {
          a[i * n + j] = a[j * n + i]
          a[j * n + i] = 0
        }
      }
      return true
    }
    return succeeded ? l : nil
  }

  /// Solves `L · Lᵀ · x = b` in place for `columns` right-hand sides stored `[size, columns]`.
  static func solve(_ l: [Double], size n: Int, _ b: inout [Double], columns: Int) {
    l.withUnsafeBufferPointer { l in
      b.withUnsafeMutableBufferPointer { b in
        guard let l = l.baseAddress, let b = b.baseAddress else { return }
        for i in 0..<n {
          let row = b + i * columns
          for k in 0..<i {
            let factor = l[i * n + k]
            if factor == 0 { continue }
            for c in 0..<columns { row[c] -= factor * b[k * columns + c] }
          }
          for c in 0..<columns { row[c] /= l[i * n + i] }
        }
        for i in stride(from: n - 1, through: 0, by: -1) {
          let row = b + i * columns
          for c in 0..<columns { row[c] /= l[i * n + i] }
          for k in 0..<i {
            let factor = l[i * n + k]
            if factor == 0 { continue }
            for c in 0..<columns { b[k * columns + c] -= factor * row[c] }
          }
        }
      }
    }
  }
}
