using System.Buffers.Binary;
using DCCL.ML.Onnx.Proto;
using Google.Protobuf;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.ML.Onnx;

/// <summary>Stores the weights of a graph as float16, half as large; a Cast gives each its float32 name back.</summary>
/// <remarks>ONNX Runtime evaluates the casts once, when it opens the graph: scoring computes in float32 as before.</remarks>
internal static class HalfPrecision
{
    /// <summary>Smaller constants stay: they save nothing, and some are numbers such as 1e9 that float16 has not.</summary>
    private const int MinimumNumberOfValues = 64;

    /// <summary>Changes a graph in place.</summary>
    /// <exception cref="ArgumentException">A weight is too large for float16.</exception>
    public static void Convert(GraphProto graph)
    {
        foreach (GraphProto branch in graph.Node.SelectMany(node => node.Attribute).Where(attribute => attribute.G is not null).Select(attribute => attribute.G))
        {
            Convert(branch);
        }

        HashSet<string> inputs = [.. graph.Input.Select(input => input.Name)];
        List<NodeProto> casts = [];
        foreach (TensorProto tensor in graph.Initializer)
        {
            if (tensor.DataType == (int)DataType.Float && tensor.RawData.Length >= MinimumNumberOfValues * sizeof(float) && !inputs.Contains(tensor.Name))
            {
                casts.Add(new NodeProto
                {
                    Name = tensor.Name,
                    OpType = "Cast",
                    Input = { tensor.Name + ".half" },
                    Output = { tensor.Name },
                    Attribute = { new AttributeProto { Name = "to", I = (long)DataType.Float, Type = AttributeProto.Types.AttributeType.Int } },
                });
                tensor.RawData = ToHalf(tensor);
                tensor.DataType = (int)DataType.Float16;
                tensor.Name += ".half";
            }
        }

        casts.AddRange(graph.Node);
        graph.Node.Clear();
        graph.Node.AddRange(casts);
    }

    private static ByteString ToHalf(TensorProto tensor)
    {
        ReadOnlySpan<byte> from = tensor.RawData.Span;
        byte[] to = new byte[from.Length / 2];
        for (int i = 0; i < from.Length; i += sizeof(float))
        {
            float value = BinaryPrimitives.ReadSingleLittleEndian(from[i..]);
            Half half = (Half)value;
            if (!Half.IsFinite(half))
            {
                throw new ArgumentException(
                    FormattableString.Invariant($"The weights '{tensor.Name}' must be within {(float)Half.MaxValue} for float16, but one is {value}. ")
                    + "Export without half-precision weights.");
            }

            BinaryPrimitives.WriteHalfLittleEndian(to.AsSpan(i / 2), half);
        }

        return UnsafeByteOperations.UnsafeWrap(to);
    }
}
