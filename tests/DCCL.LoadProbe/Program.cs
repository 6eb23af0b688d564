// A program of somebody who has DCCL.ML among the packages and does not mention it: ML.NET finds the loader by what the file says.
// It prints the types that it loaded, then the bits of the score of each pair, which are read as lines "user,item".
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

MLContext context = new(seed: 1);
ITransformer model = context.Model.Load(args[0], out _);
Console.WriteLine(model is IEnumerable<ITransformer> chain ? string.Join(' ', chain.Select(part => part.GetType().Name)) : model.GetType().Name);

string[][] pairs = [.. File.ReadLines(args[1]).Select(line => line.Split(','))];
IDataView data = context.Data.LoadFromEnumerable(pairs.Select(pair => new { UserId = pair[0], ItemId = pair[1] }));
foreach (float score in model.Transform(data).GetColumn<float>("Score"))
{
    Console.WriteLine(BitConverter.SingleToInt32Bits(score).ToString("x8", CultureInfo.InvariantCulture));
}
