import Foundation
import Testing
import UQNumerics
import UQSupport

@testable import UQSamples

@Suite struct PictureTests {
  @Test(arguments: [
    ("png_palette", "palette_rgb", 3), ("png_gray", "gray", 1), ("png_gray1", "gray1", 1),
    ("png_rgba", "rgba", 4), ("png_interlaced", "interlaced", 1), ("jpeg", "jpeg_pixels", 3),
    ("jpeg_gray", "jpeg_gray_pixels", 1),
  ])
  func decodesPixelForPixelLikePillow(file: String, pixels: String, channels: Int) throws {
    let image = try picture(fixture(file))
    #expect(image.channels == channels)
    #expect(image.maximum == 255)
    #expect(image.samples == (try fixture(pixels)).map(UInt16.init))
  }

  @Test func decodesKnownColours() throws {
    let pixels: [UInt8] = [255, 0, 0, 0, 128, 0, 1, 2, 3, 4, 5, 6]
    let image = try picture(png(width: 2, height: 2, channels: 3, pixels))
    #expect((image.height, image.width, image.channels) == (2, 2, 3))
    #expect(image.samples == pixels.map(UInt16.init))
    let rgb = try NumPyFile.parse(fixture("rgb"), name: "rgb")
    let same = try picture(fixture("png_rgb"))
    #expect(same.samples.map(Int.init) == rgb.integers)
    #expect([same.height, same.width, same.channels] == rgb.shape.dimensions)
  }

  @Test(arguments: [("png_gray16", "gray16", 1), ("png_rgb16", "rgb16", 3)])
  func keepsSixteenBits(file: String, pixels: String, channels: Int) throws {
    let image = try picture(fixture(file))
    let bytes = Array(try fixture(pixels))
    let expected = stride(from: 0, to: bytes.count, by: 2).map {
      UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8
    }
    #expect(image.channels == channels)
    #expect(image.maximum == 65535)
    #expect(image.samples == expected)
  }

  @Test func transparencyBecomesAlpha() throws {
    #expect(try picture(fixture("png_palette_alpha")).channels == 4)
    #expect(try picture(fixture("png_gray_alpha")).channels == 4)
    #expect(try picture(fixture("png_gray_alpha")).converted(to: nil).channels == 3)
  }

  @Test func convertsColoursLikePillow() throws {
    let image = try picture(fixture("png_rgb"))
    #expect(image.converted(to: .gray).samples == (try fixture("gray")).map(UInt16.init))
    let swapped = image.converted(to: .bgr)
    #expect(swapped.samples[0] == image.samples[2])
    #expect(swapped.samples[2] == image.samples[0])
    let gray = try picture(fixture("png_gray"))
    #expect(gray.converted(to: .rgb).samples == gray.samples.flatMap { [$0, $0, $0] })
  }

  @Test func resizesLikePillow() throws {
    let big = try picture(fixture("big"))
    #expect(
      big.resized(height: 9, width: 11, by: .bilinear).samples
        == (try fixture("big_9x11")).map(UInt16.init))
    #expect(
      big.resized(height: 9, width: 11, by: .nearest).samples
        == (try fixture("big_9x11_nearest")).map(UInt16.init))
    #expect(
      try picture(fixture("png_rgb")).resized(height: 12, width: 16, by: .bilinear).samples
        == fixture("rgb_12x16").map(UInt16.init))
  }

  @Test func cropsTheMiddle() throws {
    let image = try picture(
      png(width: 4, height: 3, channels: 1, (0..<12).map(UInt8.init)))
    #expect(image.cropped(height: 1, width: 2).samples == [5, 6])
  }

  @Test func refusesWhatItCannotDecode() throws {
    let cmyk = try fixture("jpeg_cmyk")
    #expect(problems { _ = try picture(cmyk) } == ["samples.image.unsupported"])
    #expect(problems { _ = try picture(Data("GIF89a".utf8)) } == ["samples.image.damaged"])
    #expect(problems { _ = try picture(Data()) } == ["samples.image.damaged"])
    for name in ["png_rgb", "jpeg", "png_interlaced", "jpeg_gray"] {
      let whole = try fixture(name)
      let cut = whole.prefix(whole.count * 2 / 3)
      #expect(problems { _ = try picture(Data(cut)) } == ["samples.image.damaged"], "\(name)")
    }
  }

  @Test func refusesImpossibleSizesBeforeAllocating() throws {
    // 8191 x 8191 pixels are within the limit, but not in a file of a few hundred bytes.
    var header = png(width: 1, height: 1, channels: 1, [0])
    header.replaceSubrange(16..<24, with: [0, 0, 0x1F, 0xFF, 0, 0, 0x1F, 0xFF])
    #expect(problems { _ = try picture(header) } == ["samples.image.too-large"])
    var jpeg = try fixture("jpeg")
    guard let frame = jpeg.range(of: Data([0xFF, 0xC0, 0, 0x11, 8])) else {
      Issue.record("no frame header")
      return
    }
    jpeg.replaceSubrange(frame.upperBound..<(frame.upperBound + 4), with: [0x1F, 255, 0x1F, 255])
    #expect(problems { _ = try picture(jpeg) } == ["samples.image.too-large"])
  }
}
