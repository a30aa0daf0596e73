import Testing
import UQRuntime
import UQSupport

@Suite("Moving kernels against naive loops")
struct MoveTests {
  private typealias Four = (Int32, Int32, Int32, Int32)

  private func four(_ values: [Int]) -> Four {
    (Int32(values[0]), Int32(values[1]), Int32(values[2]), Int32(values[3]))
  }

  /// The indices of all elements of a tensor, in order.
  private func indices(_ sizes: [Int]) -> [[Int]] {
    sizes.reduce([[]]) { lists, size in lists.flatMap { list in (0..<size).map { list + [$0] } } }
  }

  private func offset(_ index: [Int], _ sizes: [Int]) -> Int {
    zip(index, sizes).reduce(0) { $0 * $1.1 + $1.0 }
  }

  @Test("Padding of 1 and 2 byte elements") func padding() {
    var operands = Operands(seed: 41)
    for _ in 0..<100 {
      let sizes = (0..<4).map { _ in operands.int(1...4) }
      let before = (0..<4).map { _ in operands.int(0...2) }
      let after = (0..<4).map { _ in operands.int(0...2) }
      let total = (0..<4).map { before[$0] + sizes[$0] + after[$0] }
      let count = sizes.reduce(1, *)
      let outputCount = total.reduce(1, *)
      let value = operands.int(-128...127)
      let x = (0..<count).map { _ in Int16(operands.int(-128...127)) }
      let expected = indices(total).map { index -> Int16 in
        let source = (0..<4).map { index[$0] - before[$0] }
        let isInside = (0..<4).allSatisfy { source[$0] >= 0 && source[$0] < sizes[$0] }
        return isInside ? x[offset(source, sizes)] : Int16(value)
      }
      var p = uq_pad_params(
        sizes: four(sizes), before: four(before), after: four(after), element_bytes: 2,
        value: Int32(value))
      var y16 = [Int16](repeating: 0, count: outputCount)
      uq_pad(&p, x, &y16)
      #expect(y16 == expected)
      p.element_bytes = 1
      var y8 = [Int8](repeating: 0, count: outputCount)
      uq_pad(&p, x.map { Int8($0) }, &y8)
      #expect(y8.map(Int16.init) == expected)
    }
  }

  @Test("Transposition of 1 and 2 byte elements") func transposition() {
    var operands = Operands(seed: 42)
    for _ in 0..<100 {
      let sizes = (0..<4).map { _ in operands.int(1...5) }
      let permutation = [0, 1, 2, 3].shuffled(using: &operands.generator)
      let outputSizes = permutation.map { sizes[$0] }
      let x = (0..<sizes.reduce(1, *)).map { _ in Int16(operands.int(-128...127)) }
      let expected = indices(outputSizes).map { index -> Int16 in
        var source = [0, 0, 0, 0]
        for (axis, from) in permutation.enumerated() { source[from] = index[axis] }
        return x[offset(source, sizes)]
      }
      var p = uq_transpose_params(
        sizes: four(sizes), permutation: four(permutation), element_bytes: 2)
      var y16 = [Int16](repeating: 0, count: x.count)
      uq_transpose(&p, x, &y16)
      #expect(y16 == expected)
      p.element_bytes = 1
      var y8 = [Int8](repeating: 0, count: x.count)
      uq_transpose(&p, x.map { Int8($0) }, &y8)
      #expect(y8.map(Int16.init) == expected)
    }
  }

  @Test("Copies between strides, nearest enlargement") func blocks() {
    var operands = Operands(seed: 43)
    for _ in 0..<100 {
      let (rows, width) = (operands.int(1...5), operands.int(1...7))
      let (from, to) = (width + operands.int(0...3), width + operands.int(0...3))
      var copy = uq_copy_2d_params(
        rows: Int32(rows), row_bytes: Int32(width), source_stride: Int32(from),
        target_stride: Int32(to), source_offset: 0, target_offset: 0)
      let x = operands.bytes(rows * from)
      var y = [Int8](repeating: 99, count: rows * to)
      uq_copy_2d(&copy, x, &y)
      #expect(
        y == (0..<rows * to).map { $0 % to < width ? x[$0 / to * from + $0 % to] : 99 })

      let (height, columns, pixel) = (
        operands.int(1...4), operands.int(1...4), operands.int(1...3)
      )
      let (down, across) = (operands.int(1...3), operands.int(1...3))
      var resize = uq_resize_nearest_params(
        in_h: Int32(height), in_w: Int32(columns), pixel_bytes: Int32(pixel),
        factor_h: Int32(down), factor_w: Int32(across))
      let image = operands.bytes(height * columns * pixel)
      var large = [Int8](repeating: 0, count: image.count * down * across)
      uq_resize_nearest(&resize, image, &large)
      let expected = indices([height * down, columns * across, pixel]).map {
        image[offset([$0[0] / down, $0[1] / across, $0[2]], [height, columns, pixel])]
      }
      #expect(large == expected)
    }
  }
}
