using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Tests.Conformance;

/// <summary>A stock transformer made wrong in one way.</summary>
/// <param name="fault">What is wrong with it.</param>
/// <param name="inner">The stock transformer.</param>
/// <param name="other">One that scores the same data otherwise.</param>
internal sealed class FaultyTransformer(Fault fault, ITransformer inner, ITransformer other) : ITransformer
{
    public bool IsRowToRowMapper => fault != Fault.MapsAlthoughItCannot && inner.IsRowToRowMapper;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        try
        {
            DataViewSchema schema = inner.GetOutputSchema(inputSchema);
            return fault == Fault.PromisesLess ? inputSchema : FaultyView.CreateSchema(fault, schema);
        }
        catch (ArgumentException) when (fault == Fault.TakesAnything)
        {
            return inputSchema;
        }
    }

    public IDataView Transform(IDataView input)
    {
        MLContext context = new(seed: 1);
        if (fault == Fault.ReadsAtOnce)
        {
            using DataViewRowCursor cursor = input.GetRowCursor(input.Schema);
            cursor.MoveNext();
        }

        IDataView read = fault == Fault.ReordersRows ? context.Data.ShuffleRows(input, seed: 1, shufflePoolSize: 10, shuffleSource: false) : input;
        return new FaultyView(fault, inner.Transform(read), other.Transform(read));
    }

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) =>
        (fault == Fault.MapsOtherwise ? other : inner).GetRowToRowMapper(inputSchema);

    public void Save(ModelSaveContext ctx) => inner.Save(ctx);
}
