import Foundation
import Testing
import UQNumerics
import UQSupport

@testable import UQSamples

@Suite struct NumPyTests {
  let counting = Array(0..<24)

  @Test(arguments: [
    ("npy_f4", ElementType.float32), ("npy_fortran", .int16), ("npy_big", .float32),
    ("npy_v2", .float16), ("npy_v3", .uint8), ("npy_big_fortran", .uint32),
  ])
  func readsWhatNumPyWrote(name: String, element: ElementType) throws {
    let tensor = try NumPyFile.parse(fixture(name), name: name)
    #expect(tensor.element == element)
    #expect(tensor.shape == [2, 3, 4])
    #expect(tensor.integers == counting)
  }

  @Test func readsBoolScalarAndEmpty() throws {
    let truths = try NumPyFile.parse(fixture("npy_bool"), name: "b")
    #expect(truths.elements(Bool.self) == counting.map { $0 % 3 == 0 })
    let scalar = try NumPyFile.parse(fixture("npy_scalar"), name: "s")
    #expect(scalar == Tensor([2.5], []))
    #expect(try NumPyFile.parse(fixture("npy_empty"), name: "e").shape == [0, 3])
  }

  @Test(arguments: ["npy_record", "npy_str"])
  func refusesOtherTypes(name: String) throws {
    let data = try fixture(name)
    #expect(problems { _ = try NumPyFile.parse(data, name: name) } == ["samples.npy.type"])
  }

  @Test(arguments: ElementType.allCases)
  func writtenFilesReadBackAndRepeat(element: ElementType) throws {
    let values = Tensor(doubles: (0..<6).map(Double.init), element, [2, 3])
    let data = NumPyFile.data(values)
    #expect(data == NumPyFile.data(values))
    #expect(data.count == 128 + values.byteCount || element.byteCount > 8)
    #expect(try NumPyFile.parse(data, name: "x") == values)
  }

  @Test func writesNumPysOwnBytes() throws {
    let tensor = Tensor(counting.map(Float.init), [2, 3, 4])
    #expect(try NumPyFile.data(tensor) == fixture("npy_f4"))
  }

  @Test func sampleOfEveryOrderIsTheSame() throws {
    let folder = try TemporaryFolder()
    for name in ["npy_f4", "npy_fortran", "npy_big", "npy_big_fortran"] {
      try folder.write("a.npy", fixture(name))
      let array = try NumPyFile.open("\(folder.path)/a.npy")
      #expect(array.sampleCount == 2)
      #expect(array.sample(at: 1).shape == [3, 4])
      #expect(array.sample(at: 1).integers == Array(12..<24))
    }
  }

  private func header(_ text: String, version: UInt8 = 1, data: Int = 0) -> Data {
    var file = Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, version, 0])
    file += [UInt8(text.utf8.count & 255), UInt8(text.utf8.count >> 8)]
    if version > 1 { file += [0, 0] }
    return file + Data(text.utf8) + Data(count: data)
  }

  @Test(arguments: [
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "shape"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296), }", "shape"),
    ("{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693951,), }", "truncated"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "format"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "format"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000,), }", "truncated"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1", "format"),
    ("{'descr': '<f4', 'shape': (1,), }", "format"),
    ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "type"),
    ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "type"),
    ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (), }", "format"),
    ("", "format"),
  ])
  func refusesHostileHeaders(text: String, problem: String) {
    for version: UInt8 in 1...3 {
      let file = header(text, version: version, data: 16)
      #expect(
        problems { _ = try NumPyFile.parse(file, name: "x") } == ["samples.npy.\(problem)"])
    }
  }

  @Test func refusesALengthBeyondTheFile() {
    let file = Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 2, 0, 0xFF, 0xFF, 0xFF, 0xFF])
    #expect(problems { _ = try NumPyFile.parse(file, name: "x") } == ["samples.npy.truncated"])
    #expect(problems { _ = try NumPyFile.parse(Data(), name: "x") } == ["samples.npy.format"])
  }

  @Test func readsArchivesStoredAndDeflated() throws {
    for name in ["npz_stored", "npz_deflated"] {
      let arrays = try NumPyArchive.parse(fixture(name), name: name)
      #expect(arrays.map(\.name) == ["x", "h"])
      #expect(arrays[0].tensor.floats == counting.map(Float.init))
    }
  }

  @Test func archivesReadBackAndRepeat() throws {
    let arrays = [
      (name: "x", tensor: Tensor([Float](repeating: 1.5, count: 5), [5])),
      (name: "größe", tensor: Tensor([Int64(7)], [])),
    ]
    let data = try NumPyArchive.data(arrays)
    #expect(try data == NumPyArchive.data(arrays))
    let back = try NumPyArchive.parse(data, name: "a")
    #expect(back.map(\.name) == arrays.map(\.name))
    #expect(back.map(\.tensor) == arrays.map(\.tensor))
  }

  @Test func checksTheChecksum() throws {
    var data = try fixture("npz_stored")
    data[data.startIndex + 240] ^= 1
    #expect(problems { _ = try NumPyArchive.parse(data, name: "a") } == ["samples.npz.truncated"])
  }
}
