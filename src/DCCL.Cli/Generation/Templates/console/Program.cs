// dotnet run -- USER [NUMBER]      prints the best items for a user
using System.Globalization;
using DCCL.ML.Recommendation;
using {{Name}}Code;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.Length is 0 or > 2)
{
    Console.Error.WriteLine("error: name a user, and perhaps how many items: dotnet run -- USER [NUMBER]");
    return 2;
}

int count = args.Length == 2 && int.TryParse(args[1], out int number) ? number : 10;
foreach (RecommendedItem item in {{Name}}.PredictTopN(args[0], count))
{
    {{Name}}.ModelOutput output = {{Name}}.Predict(new {{Name}}.ModelInput { UserId = args[0], ItemId = item.ItemId });
    Console.WriteLine($"{item.ItemId} {output.Score:F3} {output.Probability:F3} {item.Reason}");
}

return 0;
