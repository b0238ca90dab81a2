import FuzzObjects
import FuzzSupport
import KubernetesObjects

/// Any octets as a watch: frames do not depend on how the octets were cut, and each of them is an event or an error.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](input: start, count)
    var draws = InputDraws(from: bytes)
    for encoding in ObjectEncoding.allCases {
        for limit in [64, WatchFramer.defaultLimit] {
            let whole = frames([bytes], encoding, limit)
            require(frames(draws.pieces(of: bytes), encoding, limit) == whole, "frames do not depend on the pieces")
            require(whole.frames.reduce(0) { $0 + $1.count } <= bytes.count, "frames hold no more than came")
            require(whole.frames.allSatisfy { $0.count <= limit }, "no frame is longer than allowed")
            for frame in whole.frames {
                ObjectReader.checkEvent(frame, encoding, ServiceObject.self)
                ObjectReader.checkEvent(frame, encoding, EndpointSliceObject.self)
                ObjectReader.checkEvent(frame, encoding, EndpointsObject.self)
            }
        }
    }
    return 0
}

private struct Reading: Equatable {
    var frames: [[UInt8]] = []
    var isTooLong = false
    var isAtBoundary = false
}

private func frames(_ pieces: [[UInt8]], _ encoding: ObjectEncoding, _ limit: Int) -> Reading {
    var framer = WatchFramer(encoding: encoding, limit: limit)
    var reading = Reading()
    do throws(WatchFramer.FrameTooLong) {
        for piece in pieces {
            framer.append(piece)
            while let frame = try framer.next() { reading.frames.append(frame) }
        }
        reading.isAtBoundary = framer.isAtBoundary
    } catch {
        reading.isTooLong = true
    }
    return reading
}
